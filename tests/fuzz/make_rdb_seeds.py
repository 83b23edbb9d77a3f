#!/usr/bin/python3
"""Writes the first inputs of the fuzzer of RDB bytes: what a real redis-server dumps and saves, and older encodings made by hand.

Run by hand when the format's reader learns something new; `tests/tools/fuzz.sh merge` then keeps what covers something new.
The first byte of an input says what the rest is taken as: see fuzz_rdb.c.
"""
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
sys.dont_write_bytecode = True

import rdbtext  # noqa: E402
import test_dump  # noqa: E402
from fixture import Server  # noqa: E402

PAYLOAD, RECORDS, FILE = 0, 1, 2
LONGEST = 3000
FOOTER_BYTES = 10


def real_payloads_and_files():
    """Of a redis-server with all kinds of values, a few of them at a time."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server("redis", parent=folder, options=("--maxmemory-policy", "allkeys-lfu"))
        client = server.client()
        for number, command in enumerate(test_dump.values()):
            client(*command)
            yield client("DUMP", command[1]), None
            client("EXPIRE", command[1], "100000")
            if number % 4 == 3:
                client("SELECT", str(number % 3))
            if number % 8 == 7:
                client("SAVE")
                yield None, pathlib.Path(server.folder, "dump.rdb").read_bytes()
                client("FLUSHALL")
        server.stop()


def old_records():
    for name, payload in test_dump.old_values():
        body = payload[:-FOOTER_BYTES]
        yield payload, body[:1] + rdbtext.string(name.encode()) + body[1:]


def heads():
    """What stands around keys."""
    key = rdbtext.payload(0, rdbtext.string(b"k") + rdbtext.string(b"v"))[:-FOOTER_BYTES]
    yield b"\xfd\x00\x00\x00\x60" + key
    yield b"\xfc" + b"\x00\x01\x02\x03\x04\x05\x06\x00" + key
    yield b"\xf8\x05" + key + b"\xf9\x05" + key
    yield b"\xfa\x04name\x05value" + b"\xfe\x03\xfb\x05\x02" + key
    yield b"\xf4\x01\x02\x03" + key
    yield b"\xf5\x08#!lua ..."
    yield b"\xf7\x81" + bytes(8)
    yield b"\xf6\x00"


def main():
    folder = HERE.parents[1] / "build" / "fuzz" / "corpus" / "rdb"
    folder.mkdir(parents=True, exist_ok=True)
    seeds = []
    for payload, file in real_payloads_and_files():
        if payload:
            seeds.append((PAYLOAD, payload[:-FOOTER_BYTES]))
        if file:
            seeds.append((FILE, file))
            seeds.append((RECORDS, file[9:]))
    for payload, record in old_records():
        seeds.append((PAYLOAD, payload[:-FOOTER_BYTES]))
        seeds.append((RECORDS, record))
        seeds.append((FILE, rdbtext.file([b"\xfe\x00", record], version=4)))
    for records in heads():
        seeds.append((RECORDS, records))
        seeds.append((FILE, rdbtext.file([records], version=12)))
    for number, (kind, data) in enumerate(seeds):
        if len(data) < LONGEST:
            (folder / f"seed-{number}").write_bytes(bytes([kind + 3 * (number % 40)]) + data)


main()
