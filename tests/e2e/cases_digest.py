"""DEBUG DIGEST and DIGEST-VALUE of every type and encoding: the digests are redis-server's own."""
from casetext import LATER, case

CASES = {}
LONG = "x" * 300


def many(word, key, parts, count):
    return [[word, key, *[str(part) for n in range(at, min(at + 100, count)) for part in parts(n)]] for at in range(0, count, 100)]


DIGESTS = [["DEBUG", "DIGEST-VALUE", "a", "b", "c", "nokey"], ["DEBUG", "DIGEST"]]

CASES["strings"] = case(f"""
debug digest
mset a "" b 12 c {LONG}
set d -9223372036854775808
setrange e 20000 x
setbit f 100000 1
debug digest-value a b c d e f nokey
debug digest-value
debug digest extra
expire a 1000
set b 12 exat {LATER}
debug digest-value a b
persist a
debug digest-value a
debug digest
""")

CASES["databases"] = case("""
set a 1
select 5
set a 1
debug digest
select 15
sadd s 1 2
debug digest
swapdb 5 15
debug digest
flushdb
debug digest
flushall
debug digest
""")

CASES["lists"] = [
    ["RPUSH", "a", "1", "-2", "x", "", LONG, "007"],
    *many("RPUSH", "b", lambda n: (n, f"element {n}"), 3000),
    ["RPUSH", "c", "y" * 9000, "1", "z" * 20000],
    *DIGESTS,
    ["LPUSH", "a", "1"],
    ["EXPIRE", "b", "1000"],
    *DIGESTS,
]

CASES["sets"] = [
    ["SADD", "a", "3", "-1", "70000", "9999999999"],
    ["SADD", "b", "x", "", "12", LONG],
    *many("SADD", "c", lambda n: (n, f"member {n}"), 3000),
    *DIGESTS,
    ["SADD", "a", "x"],
    ["SREM", "c", "17"],
    *DIGESTS,
]

CASES["hashes"] = [
    ["HSET", "a", "f", "1", "", "", "7", "-12"],
    ["HSET", "b", "f", LONG, "n", "12345678901", "m", "012"],
    *many("HSET", "c", lambda n: (f"field {n}", n * 7919 if n % 2 else f"value {n}"), 3000),
    *DIGESTS,
    ["HSET", "a", LONG, "y" * 100000],
    ["HINCRBYFLOAT", "b", "n", "0.5"],
    *DIGESTS,
]

CASES["sorted sets"] = [
    ["ZADD", "a", "1", "x", "-0", "", "inf", "7", "-inf", "y", "0.1", "z", "3.0e300", "w", "1e-7", "v"],
    ["ZADD", "b", "1.5", LONG, "17179869184.25", "q"],
    *many("ZADD", "c", lambda n: (n * 0.37, f"member {n}"), 3000),
    *DIGESTS,
    ["ZINCRBY", "a", "0.2", "z"],
    ["ZADD", "a", "5", LONG],
    ["ZREMRANGEBYRANK", "c", "10", "2000"],
    *DIGESTS,
]

CASES["large strings"] = case("""
setrange a 3000000 x
setrange a 2999990 yyy
setrange a 3500000 x
setrange a 9000000 z
append a tail
setbit b 40000000 1
setbit b 40000001 1
setbit b 100000000 1
bitcount b
copy a c
setrange c 20000000 end
append c more
getrange c 8999995 9000010
getrange c 19999990 -1
strlen c
""", ["SET", "d", "x" * 17_000_000], ["APPEND", "d", "y" * 1_200_000], ["SETRANGE", "d", "19000000", "q"], ["SETRANGE", "d", "21000000", "q"],
     ["DEBUG", "DIGEST-VALUE", "a", "b", "c", "d"], ["BITOP", "XOR", "e", "a", "d"], ["DEL", "a"], ["DEBUG", "DIGEST"])
