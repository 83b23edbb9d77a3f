"""Files of every version of the format, made by hand: we and redis-server make the same of them at the start."""
import os
import random

import rdbtext
from compare import Pair
from harness import contains, equal, eventually, only, timeout
from resp import Client
from test_dump import old_values

LATER_S, LATER_MS = 4102444800, 4102444800123


def record(key, payload):
    return payload[:1] + rdbtext.string(key.encode()) + payload[1:-10]


def start_on(server, data):
    """Starts a stopped server again on a file of these bytes."""
    with open(os.path.join(server.folder, "dump.rdb"), "wb") as file:
        file.write(data)
    server.start()
    with Client(server.port) as client:
        eventually(lambda: b"loading:0" in client("INFO", "persistence"), what="the end of loading")


def values(version):
    """The encodings that servers of that version knew."""
    kinds = {18: 10, 16: 10, 17: 10, 14: 7, 5: 8, 13: 4, 10: 2, 12: 2, 11: 2, 9: 2}
    for name, payload in old_values():
        if kinds.get(payload[0], 1) <= version:
            yield name, payload


def whole_file(version):
    string = b"\x00" + rdbtext.string(b"%s") + rdbtext.string(b"v")
    parts = [b"\xfa" + rdbtext.string(b"redis-ver") + rdbtext.string(b"6.2.0")] if version >= 7 else []
    parts += [b"\xfe\x00"] + ([b"\xfb\x05\x02"] if version >= 7 else [])
    parts += [record(name, payload) for name, payload in values(version)]
    parts.append(b"\xfd" + LATER_S.to_bytes(4, "little") + string.replace(b"%s", b"s1"))
    if version >= 3:
        parts.append(b"\xfc" + LATER_MS.to_bytes(8, "little") + string.replace(b"%s", b"s2"))
    if version >= 9:
        parts += [b"\xf8\x05" + string.replace(b"%s", b"s3"), b"\xf9\x05" + string.replace(b"%s", b"s4")]
    parts += [b"\xfe\x0f", string.replace(b"%s", b"s5")]
    return rdbtext.file(parts, version)


@timeout(120)
def test_files_of_every_version_that_both_know(ctx):
    pair = Pair(ctx)
    for version in random.Random(ctx.seed).sample(range(1, 11), max(3, ctx.scaled(10))):
        data = whole_file(version)
        keys = [name for name, _ in values(version)] + [f"s{number}" for number in range(1, 6)]
        for server in pair.servers:
            server.stop()
            start_on(server, data)
        pair.connect()
        problem = pair.difference(list(pair.state_commands(keys, [0, 15])))
        assert problem is None, f"version {version}: {problem}"


@only("gyre")
def test_files_of_later_versions(ctx):
    server = ctx.server("--shards", "2")
    server.stop()
    records = [b"\xfe\x00", b"\xf4\x05\x02\x00", record("set", rdbtext.set_listpack([b"a", b"1", b"2"])), record("list", rdbtext.quicklist_2([[b"a"]]))]
    start_on(server, rdbtext.file(records, 12))
    client = server.client()
    equal(sorted(client("SMEMBERS", "set")), [b"1", b"2", b"a"])
    equal(client("LRANGE", "list", "0", "-1"), [b"a"])


@only("gyre")
@timeout(100)
def test_what_we_do_not_take_is_named(ctx):
    server = ctx.server("--shards", "2")
    server.stop()
    for part, words in (
        (b"\x0f\x01s", "a stream (type 15), which this server does not have"),
        (b"\x07\x01m", "a value of a module (type 7), which this server does not have"),
        (b"\xf7\x81" + (0x6D2F7D5C1A2B3C4D).to_bytes(8, "big"), "it needs the module "),
        (b"\xf6\x00", "functions in a form that only previews of Redis 7.0 had"),
        (b"\x18\x01h", "a hash whose fields expire (type 24), which this server does not have"),
        (b"\x00\x01k\x01v" * 2, "reading the file: the key 'k' of database 0 comes twice (its second record ends at offset 19)"),
        (b"\x02\x01s\x01\x01a" + b"\x00\x01k\x01v\x00\x01k\xc0\x05" + b"\x02\x01t\x01\x01a", "the key 'k' of database 0 comes twice"),
    ):
        try:
            start_on(server, rdbtext.file([part], 12))
            raise AssertionError(f"it started, though there is {words}")
        except RuntimeError:
            contains(server.log_text(), words)
