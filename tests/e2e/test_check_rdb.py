"""gyre-server --check-rdb: what it says of files that redis-server saved, of older ones made by hand, and of damaged ones."""
import pathlib
import re
import subprocess

import rdbtext
import test_dump
from fixture import ROOT, server_environment
from harness import contains, equal, only, timeout


def check(ctx, data):
    """Status and output of a check of a file with these bytes."""
    path = pathlib.Path(ctx.folder, "checked.rdb")
    path.write_bytes(data)
    done = subprocess.run([ROOT / "build" / ctx.variant / "gyre-server", "--check-rdb", path], env=server_environment(),
                          capture_output=True, timeout=60, check=False)
    equal(done.stderr, b"")
    return done.returncode, done.stdout.decode()


def saved(server, client):
    equal(client("SAVE"), "OK")
    return pathlib.Path(server.folder, "dump.rdb").read_bytes()


@only("gyre")
@timeout(100)
def test_a_file_of_redis_server(ctx):
    server = ctx.oracle()
    client = server.client()
    counts = {}
    for command in test_dump.values():
        client(*command)
        counts[command[1]] = client("TYPE", command[1])
    client("SET", "past", "v")
    client("PEXPIREAT", "past", "4102444800000")
    client("SELECT", "5")
    client("SET", "elsewhere", "v")
    status, text = check(ctx, saved(server, client))
    equal(status, 0)
    contains(text, "its checksum is right")
    contains(text, "redis-ver: 7.0.15")
    contains(text, f"database 0: {len(counts) + 1} keys, 1 with a deadline, 0 of them past it")
    contains(text, "database 5: 1 keys")
    for kind in ("list", "set", "zset", "hash"):
        found = re.search(rf"^  {kind} +(\d+)", text, re.MULTILINE)
        equal(int(found[1]), sum(value == kind for value in counts.values()))


@only("gyre")
def test_without_a_checksum(ctx):
    server = ctx.oracle("--rdbchecksum", "no")
    client = server.client()
    client("SET", "a", "v")
    status, text = check(ctx, saved(server, client))
    equal(status, 0)
    contains(text, "written without a checksum")


@only("gyre")
@timeout(100)
def test_every_older_encoding_and_version(ctx):
    records = [payload[:1] + rdbtext.string(name.encode()) + payload[1:-10] for name, payload in test_dump.old_values()]
    for version in (1, 4, 5, 12):
        status, text = check(ctx, rdbtext.file([b"\xfe\x00", *records], version))
        equal(status, 0)
        contains(text, f"RDB version {version}, ")
        contains(text, f"database 0: {len(records)} keys")
        contains(text, "this version has no checksum" if version < 5 else "its checksum is right")


@only("gyre")
def test_damage(ctx):
    record = b"\x00" + rdbtext.string(b"key") + rdbtext.string(b"value")
    good = rdbtext.file([record])
    for data, words in (
        (b"", "at offset 0, reading the header: the bytes end here, 9 more are needed"),
        (b"nonsense" * 5, "at offset 0, reading the header: this is no RDB file"),
        (rdbtext.file([record], 99), "version 99 of the format; 1 to 12 are known"),
        (good[:-12], "at offset 14, reading a string of key 'key': the bytes end here, 3 more are needed"),
        (good[:-9], "at offset 20, reading what comes next: the file ends without its end mark"),
        (good[:-1], "reading the checksum: the bytes end here, 1 more are needed"),
        (good[:-1] + bytes([good[-1] ^ 1]), "reading the checksum: it is "),
        (rdbtext.file([b"\x13\x01s\x00"]), "a stream (version 2) (type 19), which this server does not have"),
        (rdbtext.file([b"\x02\x01s" + rdbtext.strings([b"a", b"a"])]), "reading a set of key 's': a member that is there twice"),
    ):
        status, text = check(ctx, data)
        equal(status, 1)
        contains(text, "DAMAGED")
        contains(text, words)


@only("gyre")
def test_use(ctx):
    program = ROOT / "build" / ctx.variant / "gyre-server"
    for words, complaint in (([], b"usage: "), (["a", "b"], b"usage: "), ([ctx.folder + "/none"], b"cannot open ")):
        done = subprocess.run([program, "--check-rdb", *words], env=server_environment(), capture_output=True, timeout=60, check=False)
        equal(done.returncode, 1)
        contains(done.stderr, complaint)
