"""DUMP and RESTORE: options, errors and their order, what they do to the key that is there. See test_dump.py for values."""
import struct

import rdbtext
from casetext import LATER_MS, MAX, MIN, case

CASES = {}

V = rdbtext.payload(0, rdbtext.string(b"v"))
LIST = rdbtext.quicklist_2([[b"a", b"1", b"b"]])
ZSET = rdbtext.zset_listpack([(b"a", b"1"), (b"b", b"2.5")])


def read(key):
    return [["TYPE", key], ["OBJECT", "ENCODING", key], ["PTTL", key]]


CASES["dump_of_what_is_never_compressed"] = case(
    """
dump nokey
set a v
dump a
set a ""
dump a
set a 1
dump a
set a -129
dump a
set a 100000
dump a
set a 2147483647
dump a
set a 2147483648
dump a
set a -9223372036854775808
dump a
set a 0123
dump a
rpush l a 1 b
dump l
sadd s 1 2 3
dump s
zadd z 1 a 2.5 b
dump z
hset h f v
dump h
dump
dump a b
dump l
object idletime l
"""
)

CASES["options"] = [
    ["RESTORE", "a", "0", V],
    ["GET", "a"],
    ["RESTORE", "a", "0", V],
    ["RESTORE", "a", "0", LIST, "REPLACE"],
    ["LRANGE", "a", "0", "-1"],
    *read("a"),
    ["RESTORE", "a", "100000", ZSET, "replace"],
    ["ZRANGE", "a", "0", "-1", "WITHSCORES"],
    *read("a"),
    ["RESTORE", "a", LATER_MS, V, "REPLACE", "ABSTTL"],
    ["PEXPIRETIME", "a"],
    ["RESTORE", "a", "0", V, "REPLACE", "ABSTTL"],
    ["PEXPIRETIME", "a"],
    ["RESTORE", "a", MAX, V, "REPLACE", "ABSTTL"],
    ["PEXPIRETIME", "a"],
    ["RESTORE", "a", "1", V, "REPLACE", "ABSTTL"],
    ["EXISTS", "a"],
    ["RESTORE", "a", "1", V, "REPLACE", "ABSTTL"],
    ["RESTORE", "a", MAX, V, "REPLACE"],
    ["EXISTS", "a"],
    ["RESTORE", "b", "0", V, "IDLETIME", "1000"],
    ["OBJECT", "IDLETIME", "b"],
    ["RESTORE", "b", "0", V, "IDLETIME", "1000", "IDLETIME", "0", "REPLACE"],
    ["OBJECT", "IDLETIME", "b"],
    ["RESTORE", "b", "0", V, "IDLETIME", "200000", "REPLACE"],
    ["OBJECT", "IDLETIME", "b"],
    ["RESTORE", "b", "0", V, "FREQ", "200", "REPLACE"],
    ["OBJECT", "FREQ", "b"],
    ["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"],
    ["RESTORE", "b", "0", V, "FREQ", "200", "REPLACE"],
    ["OBJECT", "FREQ", "b"],
    ["RESTORE", "b", "0", V, "FREQ", "0", "REPLACE"],
    ["OBJECT", "FREQ", "b"],
    ["RESTORE", "b", "0", V, "IDLETIME", "10", "REPLACE"],
    ["OBJECT", "FREQ", "b"],
    ["CONFIG", "SET", "maxmemory-policy", "noeviction"],
    ["RESTORE-ASKING", "c", "0", V],
    ["GET", "c"],
    ["RESTORE-ASKING", "c", "0", V],
]

CASES["errors_and_their_order"] = [
    ["SET", "a", "v"],
    ["RESTORE", "a", "x", V],
    ["RESTORE", "b", "x", V],
    ["RESTORE", "b", "x", "nonsense"],
    ["RESTORE", "b", "-1", V],
    ["RESTORE", "b", MIN, V],
    ["RESTORE", "b", "1.5", V],
    ["RESTORE", "a", "x", V, "REPLACE"],
    ["RESTORE", "a", "0", V, "nonsense"],
    ["RESTORE", "a", "0", V, "IDLETIME"],
    ["RESTORE", "a", "0", V, "FREQ"],
    ["RESTORE", "a", "0", V, "IDLETIME", "5", "FREQ", "5"],
    ["RESTORE", "a", "0", V, "FREQ", "5", "IDLETIME", "5"],
    ["RESTORE", "a", "0", V, "IDLETIME", "-1"],
    ["RESTORE", "a", "0", V, "IDLETIME", "x"],
    ["RESTORE", "a", "0", V, "FREQ", "-1"],
    ["RESTORE", "a", "0", V, "FREQ", "256"],
    ["RESTORE", "a", "0", V, "FREQ", "x"],
    ["RESTORE", "b", "0", ""],
    ["RESTORE", "b", "0", V[:9]],
    ["RESTORE", "b", "0", V[:-1]],
    ["RESTORE", "b", "0", V[:-1] + b"x"],
    ["RESTORE", "b", "0", b"x" + V],
    ["RESTORE", "b", "0", rdbtext.payload(0, b"\x01x", 13)],
    ["RESTORE", "b", "0", rdbtext.payload(0, b"\x01x", 65535)],
    ["RESTORE", "b", "0", rdbtext.payload(0, b"\x01x", 0)],
    ["RESTORE", "c", "0", rdbtext.payload(0, b"\x01x", 6)],
    ["GET", "c"],
    ["RESTORE", "a", "0", V[:-1], "REPLACE"],
    ["GET", "a"],
    ["RESTORE", "b"],
    ["RESTORE", "b", "0"],
    ["EXISTS", "a", "b"],
    ["RESTORE-ASKING", "b", "0", "nonsense"],
]

# redis-server finds these damaged even without sanitize-dump-payload.
DAMAGED = [
    rdbtext.payload(0, b"\x7fx" + b"y" * 20),
    rdbtext.payload(0, b"\xc5x"),
    rdbtext.payload(0, rdbtext.lzf(b"0123456789" * 3, b"\xe0\xff\xff")),
    rdbtext.payload(99, b"\x00"),
    rdbtext.payload(8, b"\x00"),
    rdbtext.payload(7, b"\x00"),
    rdbtext.payload(2, b"\x00"),
    rdbtext.payload(1, b"\x00"),
    rdbtext.payload(4, b"\x00"),
    rdbtext.payload(5, b"\x00"),
    rdbtext.payload(18, b"\x00"),
    rdbtext.payload(18, b"\x01\x02" + rdbtext.string(rdbtext.listpack([]))),
    rdbtext.payload(18, b"\x01\x03" + rdbtext.string(rdbtext.listpack([b"a"]))),
    rdbtext.payload(18, b"\x01\x02" + rdbtext.string(b"nonsense")),
    rdbtext.payload(18, b"\x01\x01" + rdbtext.string(b"")),
    rdbtext.payload(16, rdbtext.string(rdbtext.listpack([]))),
    rdbtext.payload(17, rdbtext.string(rdbtext.listpack([]))),
    rdbtext.payload(16, rdbtext.string(rdbtext.listpack([b"a", b"b"])[:-1])),
    rdbtext.payload(11, rdbtext.string(struct.pack("<IIh", 3, 1, 1))),
    rdbtext.payload(11, rdbtext.string(struct.pack("<II", 2, 0))),
    rdbtext.payload(11, rdbtext.string(struct.pack("<IIh", 2, 2, 1))),
    rdbtext.payload(13, rdbtext.string(b"nonsense")),
    rdbtext.payload(9, rdbtext.string(b"nonsense")),
    rdbtext.payload(9, rdbtext.string(rdbtext.zipmap([]))),
    rdbtext.set_2([b"a", b"b", b"a"]),
    rdbtext.set_2([b"1", b"2", b"1"]),
    rdbtext.hash_4([(b"f%d" % (n % 599), b"v") for n in range(600)]),
    rdbtext.zset_5([(b"a", 1.0), (b"a", 2.0)]),
    rdbtext.zset_5([(b"a", float("nan"))]),
    rdbtext.zset_3([(b"a", float("nan"))]),
    rdbtext.hash_zipmap([(b"a", b"1"), (b"a", b"2")]),
    rdbtext.hash_ziplist([(b"a", b"1"), (b"a", b"2")]),
    rdbtext.zset_ziplist([(b"a", b"1"), (b"a", b"2")]),
]
CASES["damaged"] = [["SET", "a", "v"]] + [["RESTORE", "a", "0", one, "REPLACE"] for one in DAMAGED] + [["GET", "a"], ["DBSIZE"]]

CASES["in_a_transaction"] = [
    ["WATCH", "a"],
    ["RESTORE", "a", "0", V],
    ["MULTI"],
    ["GET", "a"],
    ["EXEC"],
    ["MULTI"],
    ["RESTORE", "b", "0", V],
    ["RESTORE", "b", "0", V],
    ["DUMP", "b"],
    ["RESTORE", "b", "0", V[:-1], "REPLACE"],
    ["EXEC"],
    ["INFO"],
]
