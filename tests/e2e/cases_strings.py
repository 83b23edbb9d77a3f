"""SET, GET and their relatives: every option and every mistake.

No reply here depends on the time of day or on chance, and on the order of a hash table only where compare.py
allows for it. TTL replies are in seconds, rounded to the nearest: half a second may pass before TTL.
"""
from casetext import LATER, LATER_MS, MAX, MIN, case

CASES = {}

CASES["set get"] = case("""
set a b
get a
set a ""
get a
set "" empty-key
get ""
get nokey
get
get a b
set a
set
SET A b
get A
get a
""", ["set", b"\x00\xff\r\n", b"\x00\r\n$5\r\n\xfe"], ["get", b"\x00\xff\r\n"], ["strlen", b"\x00\xff\r\n"],
    ["set", "k" * 300, "v" * 300], ["get", "k" * 300], ["set", "k" * 255, "a"], ["set", "k" * 256, "b"],
    ["mget", "k" * 254, "k" * 255, "k" * 256, "k" * 257, "k" * 300], ["exists", "k" * 300],
    ["set", "big", "x" * 100000], ["get", "big"], ["strlen", "big"], ["set", "big", "small"], ["get", "big"],
    ["set", "k" * 70000, "long key"], ["get", "k" * 70000], ["del", "k" * 70000], ["get", "k" * 70000])

CASES["set sizes"] = case("", *[command for n in (0, 1, 7, 8, 43, 44, 45, 63, 64, 1023, 1024, 1025,
                          4095, 4096, 4097,
                                                  16383, 16384, 16385, 70000)
                                 for command in (["set", "s", "x" * n], ["strlen", "s"], ["get", "s"],
                                                 ["object", "encoding", "s"])])

CASES["set shrinks and grows in place"] = case("", *[
    command for n in (5, 2000, 3, 0, 900, 1024, 1025, 10, 100000, 99999, 44, 45)
    for command in (["set", "s", str(n % 10) * n], ["get", "s"], ["append", "s", "tail"], ["get", "s"])])

CASES["set nx xx"] = case("""
set a 1 nx
set a 2 nx
get a
set a 3 xx
get a
set b 1 xx
exists b
set a 1 nx nx
set a 1 xx xx
get a
set a 1 nx xx
set a 1 xx nx
set b 1 NX nX
get b
set a 1 n
set a 1 nxx
set a 1 foo
set a 1 ""
""")

CASES["set get option"] = case("""
set a 1 get
set a 2 get
get a
set a 3 get nx
get a
set b 3 nx get
get b
set b 4 xx get
get b
set c 4 xx get
exists c
set a 1 get get
get a
set a x get ex 100
ttl a
set a y get keepttl
ttl a
set a z get
ttl a
""")

CASES["set expiry"] = case(f"""
set a b ex 100
ttl a
get a
set a c
ttl a
set a b px 100000
ttl a
set a c keepttl
ttl a
get a
set a c keepttl keepttl
set n c keepttl
ttl n
set a b exat {LATER}
expiretime a
pexpiretime a
set a b pxat {LATER_MS}
expiretime a
pexpiretime a
set a b EX 50 EX 100
ttl a
set a b PXAT {LATER_MS} pxat 4102444801000
pexpiretime a
set a b ex 100 nx
set b b ex 100 nx
ttl b
set b b nx ex 100
set b c xx ex 200
ttl b
set b c ex 300 xx get
ttl b
set a b exat {LATER} xx
set a d keepttl xx
expiretime a
set a e nx keepttl
expiretime a
get a
""")

CASES["set expiry errors"] = case(f"""
set a b ex
set a b px
set a b exat
set a b pxat
set a b ex 0
set a b px 0
set a b exat 0
set a b pxat 0
set a b ex -1
set a b px -1
set a b exat -1
set a b pxat -1
set a b ex {MAX}
set a b px {MAX}
set a b ex 9223372036854775
set a b ex 9223372036854776
set a b px 9223372036854775000
set a b ex {MIN}
set a b ex 9223372036854775808
set a b exat 9223372036854775808
set a b exat 9223372036854776
set a b exat 9223372036854775
expiretime a
pexpiretime a
set a b pxat {MAX}
expiretime a
pexpiretime a
del a
set a b ex foo
set a b ex ""
set a b ex 1.5
set a b ex " 1"
set a b ex +1
set a b ex 01
set a b ex 10 px 10
set a b px 10 ex 10
set a b exat {LATER} pxat {LATER_MS}
set a b ex 10 keepttl
set a b keepttl ex 10
set a b keepttl pxat 10
set a b persist
set a b ex 10 persist
set a b ex ex 10
set a b ex 10 10
set a b nx ex 0
exists a
set a old
set a b nx ex 0
set a b get ex 0
set a b get ex foo
get a
""")

CASES["set in the past"] = case("""
set a b exat 1
get a
exists a
set a b pxat 1
get a
set a b
set a c exat 1
exists a
set a b
set a c get pxat 1
exists a
set a c exat 1 nx
exists a
set a b
set a c exat 1 nx
get a
set a c exat 1 xx
get a
ttl a
""")

CASES["setnx setex psetex"] = case(f"""
setnx a 1
setnx a 2
get a
ttl a
setnx a
setnx a b c
setex a 100 v
get a
ttl a
setex a 0 v
setex a -5 v
setex a foo v
setex a 1.0 v
setex a {MAX} v
setex a 9223372036854775 v
setex a 9223372036854776 v
setex a {MIN} v
setex a 10
psetex a 100000 w
get a
ttl a
psetex a 0 v
psetex a -1 v
psetex a foo v
psetex a {MAX} v
psetex a 9223372036854775000 v
psetex a 10
get a
setex new 0 v
exists new
setnx a again
get a
""")

CASES["getset getdel"] = case("""
getset a 1
getset a 2
get a
set a 3 ex 100
getset a 4
ttl a
getset a
getset a b c
object encoding a
getdel a
getdel a
exists a
getdel
getdel a b
set a 12
getdel a
""", ["set", "big", "x" * 20000], ["getset", "big", "y" * 20000], ["getdel", "big"], ["get", "big"],
    ["set", "big", "z" * 5000, "get"], ["set", "big", "tiny", "get"], ["set", "big", "tiny", "get"])

CASES["getex"] = case(f"""
getex a
set a v
getex a
ttl a
getex a ex 100
ttl a
getex a
ttl a
getex a persist
ttl a
getex a persist
getex a px 100000
ttl a
getex a exat {LATER}
expiretime a
getex a pxat {LATER_MS}
pexpiretime a
getex a EX 50 ex 100
ttl a
getex a persist persist
ttl a
getex a ex
getex a ex 0
getex a ex -1
getex a ex foo
getex a px 0
getex a exat 0
getex a pxat -1
getex a ex {MAX}
getex a px {MAX}
getex a ex 9223372036854775
getex a exat 9223372036854776
getex a ex 10 px 10
getex a ex 10 persist
getex a persist ex 10
getex a keepttl
getex a nx
getex a xx
getex a get
getex a foo
getex a persist foo
getex
getex nokey ex 10
getex nokey ex 0
getex nokey ex foo
getex nokey foo
exists nokey
ttl a
getex a exat 1
exists a
set a v
getex a pxat 1
exists a
set a v ex 100
getex a exat 1
get a
set n 5
getex n ex 100
object encoding n
ttl n
""")

CASES["mget mset msetnx"] = case("""
mset a 1 b 2 c 3
mget a b c
mget a nokey c a a
mget
mset
mset a
mset a 1 b
mset a 1 b 2 c
msetnx
msetnx a
msetnx a 1 b
mset a x a y
get a
msetnx d 1 e 2
mget d e
msetnx e 3 f 4
mget e f
msetnx g 1 g 2
get g
msetnx h 1 d 1
exists h
set a v ex 100
mset a w
ttl a
mset n 12 m -5 o 1.5
object encoding n
object encoding m
object encoding o
""", ["mset"] + [w for i in range(300) for w in (f"k{i}", f"v{i}")], ["mget"] + [f"k{i}" for i in range(300)],
    ["del"] + [f"k{i}" for i in range(0, 300, 2)], ["exists"] + [f"k{i}" for i in range(300)],
    ["msetnx"] + [w for i in range(300) for w in (f"k{i}", "new")], ["get", "k0"],
    ["mset"] + [w for i in range(1500) for w in (f"k{i}", f"w{i}")],
    ["mget"] + [f"k{i}" for i in range(1500)],
    ["mset", "big", "x" * 40000, "small", "y"], ["strlen", "big"], ["get", "small"])
