"""Cases for strings, keys, expiry and databases: what Redis replies to every option and every mistake.

No reply in them depends on the time of day or on chance, and on the order of a hash table only where compare.py allows
for it. TTL replies are in seconds, which are rounded to the nearest: half a second may pass from EXPIRE to TTL.

LIST_CASES are the same for keys that hold a list: they need the list commands.
"""
import shlex


def _case(text, *more):
    """One command a line, in the notation of a shell; `more` are commands given as lists."""
    commands = [shlex.split(line) for line in text.strip().splitlines() if line.strip()]
    return commands + [list(command) for command in more]


MAX = "9223372036854775807"
MIN = "-9223372036854775808"
LATER = "4102444800"  # the year 2100
LATER_MS = "4102444800123"

CASES = {}

# ---- SET and its relatives ----

CASES["set get"] = _case("""
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

CASES["set sizes"] = _case("", *[command for n in (0, 1, 7, 8, 43, 44, 45, 63, 64, 1023, 1024, 1025, 4095, 4096, 4097,
                                                  16383, 16384, 16385, 70000)
                                 for command in (["set", "s", "x" * n], ["strlen", "s"], ["get", "s"],
                                                 ["object", "encoding", "s"])])

CASES["set shrinks and grows in place"] = _case("", *[
    command for n in (5, 2000, 3, 0, 900, 1024, 1025, 10, 100000, 99999, 44, 45)
    for command in (["set", "s", str(n % 10) * n], ["get", "s"], ["append", "s", "tail"], ["get", "s"])])

CASES["set nx xx"] = _case("""
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

CASES["set get option"] = _case("""
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

CASES["set expiry"] = _case(f"""
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

CASES["set expiry errors"] = _case(f"""
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

CASES["set in the past"] = _case("""
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

CASES["setnx setex psetex"] = _case(f"""
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

CASES["getset getdel"] = _case("""
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

CASES["getex"] = _case(f"""
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

CASES["mget mset msetnx"] = _case("""
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
    ["mset"] + [w for i in range(1500) for w in (f"k{i}", f"w{i}")], ["mget"] + [f"k{i}" for i in range(1500)],
    ["mset", "big", "x" * 40000, "small", "y"], ["strlen", "big"], ["get", "small"])

# ---- parts of strings ----

CASES["strlen"] = _case("""
strlen nokey
set a hello
strlen a
set a 12345
strlen a
set a -1
strlen a
set a ""
strlen a
strlen
strlen a b
""", *[command for n in (0, 9, 10, 99, 100, 10**9, 10**18, 2**63 - 1, -2**63, -1, -9, -10, -99, 10**19)
       for command in (["set", "n", str(n)], ["strlen", "n"], ["get", "n"], ["object", "encoding", "n"])])

_EDGES = (f"0 1 2 4 5 6 10 -1 -2 -5 -6 -10 100 -100 2147483648 {MAX} {MIN}").split()
CASES["getrange"] = _case("""
set a hello
set n 12345
""", *[["getrange", "a", start, end] for start in _EDGES for end in _EDGES],
    *[["getrange", "n", start, end] for start in ("0", "-1", "2") for end in ("0", "-1", "3")],
    *[["getrange", "nokey", start, end] for start in ("0", "-1") for end in ("0", "-1")])

CASES["getrange errors"] = _case("""
set a hello
getrange a
getrange a 0
getrange a 0 1 2
getrange a x 1
getrange a 0 x
getrange a 0 1.5
getrange a 9223372036854775808 0
getrange a 0 -9223372036854775809
getrange nokey x 0
substr a 1 3
substr a -3 -1
substr a x 1
substr nokey 0 -1
substr a
set e ""
getrange e 0 -1
getrange e 0 0
getrange e -1 -1
""", ["set", "big", "0123456789" * 2000], ["getrange", "big", "9995", "10010"], ["getrange", "big", "-3", "-1"],
    ["getrange", "big", "0", "-1"], ["getrange", "big", "5", "19000"], ["getrange", "big", "19999", "20001"])

CASES["setrange"] = _case(f"""
setrange a 0 ""
exists a
setrange a 5 ""
exists a
setrange a 0 hello
get a
object encoding a
setrange a 1 EL
get a
setrange a 4 -tail
get a
setrange a 12 x
get a
setrange a 3 ""
get a
setrange a {MAX} ""
setrange b 3 x
get b
strlen b
object encoding b
set n 12345
setrange n 2 x
get n
object encoding n
set n 12345
setrange n 0 ""
object encoding n
set n 12345
setrange n 1 99
get n
object encoding n
incr n
object encoding n
setrange a -1 x
setrange a -1 ""
setrange nokey -1 ""
setrange a foo x
setrange a 1.5 x
setrange a 9223372036854775808 x
setrange a 0
setrange a 536870912 x
setrange a 536870911 xx
setrange a {MAX} x
setrange a 9223372036854775806 xx
setrange nokey 536870912 x
setrange nokey 536870912 ""
exists nokey
get a
set t v ex 100
setrange t 10 x
ttl t
set t v ex 100
setrange t 0 w
ttl t
get t
""", ["setrange", "far", "100000", "x"], ["strlen", "far"], ["getrange", "far", "99995", "-1"],
    ["setrange", "far", "5", "y" * 10], ["getrange", "far", "0", "20"], ["setrange", "far", "99999", "abc"],
    ["getrange", "far", "-5", "-1"], ["set", "s", "x" * 1020], ["setrange", "s", "1018", "abcdefgh"], ["get", "s"],
    ["strlen", "s"])

CASES["append"] = _case("""
append a hello
get a
object encoding a
append a " world"
get a
object encoding a
append a ""
get a
append e ""
exists e
strlen e
object encoding e
append n 12
object encoding n
append n 3
get n
object encoding n
incr n
object encoding n
append n ""
object encoding n
set m 5
append m ""
get m
object encoding m
set t v ex 100
append t w
ttl t
append
append a
append a b c
""", *[command for n in (10, 500, 520, 3000, 5000, 20000) for command in
       (["append", "grow", str(n % 7) * n], ["strlen", "grow"], ["get", "grow"])])

# ---- numbers ----

CASES["incr"] = _case(f"""
incr a
incr a
decr a
decr b
get b
incrby a 10
incrby a -20
decrby a 5
decrby a -5
get a
object encoding a
incrby a 0
incrby new 0
get new
incr
incr a b
incrby a
incrby a foo
incrby a 1.5
incrby a ""
incrby a 9223372036854775808
incrby a " 1"
incrby a +1
incrby a 01
decrby a foo
decrby a {MIN}
decrby nokey {MIN}
exists nokey
set a foo
incr a
incrby a 1
decr a
set a ""
incr a
set a " 1"
incr a
set a 1.0
incr a
set a 1e3
incr a
set a 007
incr a
set a -0
incr a
set a 9223372036854775808
incr a
set a {MAX}
incr a
incrby a 1
decr a
incr a
get a
decrby a -1
set a {MIN}
decr a
decrby a 1
incrby a -1
incr a
decr a
get a
set a 0
incrby a {MAX}
decrby a {MAX}
decrby a {MAX}
decrby a 1
decrby a 1
incrby a {MIN}
set a -1
incrby a {MIN}
set a 0
incrby a {MIN}
get a
set t 5 ex 100
incr t
ttl t
decrby t 3
ttl t
get t
set c 9
incr c
strlen c
set c 99
incr c
strlen c
decr c
strlen c
""", *[command for n in (-2, -1, 0, 9998, 9999, 10000) for command in
       (["set", "r", str(n)], ["object", "refcount", "r"], ["incr", "r"], ["object", "refcount", "r"])])

CASES["incrbyfloat"] = _case(f"""
incrbyfloat a 1.5
incrbyfloat a 1.5
object encoding a
get a
incrbyfloat a -10
incrbyfloat a 0
incrbyfloat a 1e2
incrbyfloat a -1E-2
incrbyfloat a 3.0e3
incrbyfloat a 0x10
incrbyfloat a .5
incrbyfloat a 5.
incrbyfloat a +1
incrbyfloat a 1e17
incrbyfloat a 1e18
incrbyfloat a 1e30
set a 0.1
incrbyfloat a 0.2
set a 10.50
incrbyfloat a 0.1
set a 5.0e3
incrbyfloat a 2.0e2
set a 1
incrbyfloat a 1
object encoding a
incr a
object encoding a
incrbyfloat a 0.5
incr a
set a 3
incrbyfloat a 1e-17
incrbyfloat a 1e-18
set a 1e-5
incrbyfloat a 0
set a {MAX}
incrbyfloat a 1
set a foo
incrbyfloat a 1
set a ""
incrbyfloat a 1
set a " 1"
incrbyfloat a 1
set a "1 "
incrbyfloat a 1
set a 1
incrbyfloat a foo
incrbyfloat a ""
incrbyfloat a " 1"
incrbyfloat a "1 "
incrbyfloat a 1x
incrbyfloat a 1e
incrbyfloat a nan
incrbyfloat a -nan
incrbyfloat a inf
incrbyfloat a -inf
incrbyfloat a infinity
incrbyfloat a 1e5000
incrbyfloat a
set a inf
incrbyfloat a 1
set a 1e400
incrbyfloat a 1
set a 1e4932
incrbyfloat a 1e4932
incrbyfloat a -1e4932
set t 1.5 ex 100
incrbyfloat t 1
ttl t
get t
set z 0
incrbyfloat z -0
incrbyfloat z -0.0
set z -1
incrbyfloat z 1
incrbyfloat new foo
exists new
""")

# ---- LCS ----

_LCS = (([], ["len"], ["idx"], ["idx", "withmatchlen"], ["idx", "minmatchlen", "2"],
         ["idx", "minmatchlen", "3", "withmatchlen"], ["IDX", "MINMATCHLEN", "-1"], ["idx", "minmatchlen", "0"],
         ["idx", "minmatchlen", "1"], ["idx", "minmatchlen", MAX], ["idx", "minmatchlen", MIN], ["withmatchlen"],
         ["minmatchlen", "4"], ["len", "withmatchlen", "minmatchlen", "9"], ["len", "len"], ["idx", "idx"],
         ["idx", "minmatchlen", "9", "minmatchlen", "2"]))
_LCS_TEXTS = (("ohmytext", "mynewtext"), ("abc", "abc"), ("abc", "xyz"), ("abcdefgh", "hgfedcba"), ("a", ""),
              ("", "a"), ("aaaa", "aa"), ("aa", "aaaa"), ("abcabcabcabc", "cbacba"), ("xaxbxcx", "yaybycy"),
              ("12345", "1245"), ("AGGTAB" * 12, "GXTXAYB" * 15), ("ab" * 70, "ba" * 64), ("x" * 64, "x" * 128),
              ("abcd" * 16 + "e", "e" + "dcba" * 48), ("q" * 63 + "r", "r" + "q" * 65))
CASES["lcs"] = _case("", *[command for a, b in _LCS_TEXTS for command in
                           [["mset", "a", a, "b", b]] + [["lcs", "a", "b", *options] for options in _LCS]])
CASES["lcs bytes"] = _case("", ["set", "a", bytes(range(256)) * 2], ["set", "b", bytes(range(255, -1, -1)) * 3],
                           ["lcs", "a", "b"], ["lcs", "a", "b", "idx", "withmatchlen"], ["lcs", "b", "a", "idx"],
                           ["lcs", "a", "a"], ["lcs", "a", "a", "idx"], ["lcs", "a", "nokey"],
                           ["lcs", "nokey", "a", "idx"],
                           ["lcs", "nokey", "nokey2", "len"], ["set", "n", "123456"], ["lcs", "n", "a"],
                           ["lcs", "n", "n", "idx"])
CASES["lcs errors"] = _case("""
mset a abc b abd
lcs
lcs a
lcs a b foo
lcs a b idx len
lcs a b len idx
lcs a b minmatchlen
lcs a b idx minmatchlen
lcs a b minmatchlen x
lcs a b minmatchlen 1.5
lcs a b minmatchlen 9223372036854775808
lcs a b len idx foo
lcs nokey nokey2 foo
""", ["set", "a", "x" * 13000], ["set", "b", "y" * 13000], ["lcs", "a", "b"], ["lcs", "a", "b", "len"],
    ["lcs", "a", "b", "idx"], ["lcs", "a", "b", "foo"], ["lcs", "a", "nokey"], ["set", "b", "x" * 300],
    ["lcs", "a", "b", "len"], ["lcs", "b", "a", "idx"])

# ---- keys ----

CASES["del unlink exists touch"] = _case("""
mset a 1 b 2 c 3
exists a
exists a b nokey a
exists nokey
touch a
touch a b nokey a
touch nokey
del a
del a
del a b nokey c c
exists a b c
mset a 1 b 2 c 3
unlink a nokey b b
exists a b c
unlink c
unlink c
del
unlink
exists
touch
dbsize
""", ["set", "big", "x" * 100000], ["del", "big"], ["set", "big", "x" * 100000], ["unlink", "big"], ["get", "big"])

CASES["type"] = _case("""
type nokey
set a 1
type a
set a text
type a
type
type a b
set a b ex 100
type a
""")

CASES["rename"] = _case(f"""
rename nokey b
rename nokey nokey
renamenx nokey b
renamenx nokey nokey
set a 1
rename a b
exists a
get b
set a 2
rename a b
get b
exists a
rename b b
get b
renamenx b b
renamenx b c
get c
set d 4
renamenx c d
mget c d
set t v exat {LATER}
rename t u
expiretime u
get u
set w 1
rename w u
ttl u
set t v exat {LATER}
set w 1
rename t w
expiretime w
get w
renamenx w x
expiretime x
rename
rename a
rename a b c
renamenx a
object encoding d
rename d a-much-longer-name-than-before
get a-much-longer-name-than-before
object encoding a-much-longer-name-than-before
dbsize
""", ["set", "s", "x" * 20000], ["rename", "s", "k" * 300], ["strlen", "k" * 300], ["rename", "k" * 300, "s"],
    ["get", "s"], ["append", "r", "raw"], ["append", "r", "er"], ["rename", "r", "q"], ["object", "encoding", "q"])

CASES["copy"] = _case(f"""
copy nokey b
copy nokey nokey
copy nokey nokey db 1
set a 1
copy a b
get b
copy a b
set a 2
copy a b
get b
copy a b replace
get b
copy a b REPLACE replace
copy a a
copy a a replace
copy a a db 0
copy a a db 1
copy a a db 1
copy a a db 1 replace
select 1
get a
select 0
copy a c db 1
copy a b db 1 db 2
select 2
get b
exists a
select 0
copy a b db
copy a b db x
copy a b db 16
copy a b db -1
copy a b db 99999999999
copy a b db 9223372036854775808
copy a b foo
copy a b replace foo
copy a b db 16 foo
copy a
copy
set t v exat {LATER}
copy t u
expiretime u
set w 1
copy w u replace
ttl u
copy t w replace
expiretime w
get w
append r raw
append r er
copy r s
object encoding s
get s
append s x
mget r s
set n 12345678
copy n m
object encoding m
incr m
mget n m
""", ["set", "big", "x" * 20000], ["copy", "big", "big2"], ["setrange", "big2", "10000", "yyy"],
    ["getrange", "big", "9998", "10005"], ["getrange", "big2", "9998", "10005"], ["strlen", "big2"],
    ["append", "big", "tail"], ["getrange", "big", "-6", "-1"], ["getrange", "big2", "-6", "-1"])

CASES["move"] = _case(f"""
set a 1
move a 1
exists a
select 1
get a
move a 0
select 0
get a
move nokey 1
move a 0
move nokey 0
move a 16
move a -1
move a x
move a 1.0
move a 99999999999
move a -99999999999
move a 9223372036854775808
move a
move a 1 2
select 1
set a other
select 0
move a 1
get a
select 1
get a
del a
select 0
pexpireat a {LATER_MS}
move a 1
select 1
pexpiretime a
dbsize
select 0
dbsize
""")

CASES["keys randomkey dbsize"] = _case("""
keys *
randomkey
dbsize
set a 1
keys *
keys a
keys b
keys ?
keys ??
keys [a-c]
keys [^a]
keys [b-z]
keys \\\\a
keys a*
keys *a
keys *a*
keys **
keys ***a***
keys ""
randomkey
dbsize
dbsize x
randomkey x
keys
keys a b
select 1
keys *
randomkey
dbsize
select 0
del a
set foobar 1
keys f*r
keys f?o*
keys *oo*
keys f[a-o]obar
keys f[!o]obar
keys foo[
keys foobar*
keys foo[b]ar
keys FOOBAR
keys f*z
del foobar
set "[x]" 1
keys \\[x\\]
keys [[]x]
keys "\\\\[x\\\\]"
del "[x]"
set "a*b" 1
keys "a\\\\*b"
keys "a\\\\?b"
""", ["del", "a*b"], ["set", "a" * 60, "1"], ["keys", "a*" * 30 + "b"], ["keys", "a*" * 30], ["keys", b"\xff*"],
    ["set", b"\xff\x00x", "1"], ["keys", b"\xff\x00?"], ["keys", b"\xff*"])

CASES["object"] = _case("""
object
object foo
object foo bar
object encoding
object encoding a b
object encoding nokey
object refcount nokey
object idletime nokey
object freq nokey
object freq
object idletime
object refcount
object help
object help x
OBJECT HELP
set a 1
object encoding a
object refcount a
object freq a
object refcount nokey
object ENCODING a
set a 10000
object refcount a
set a -1
object refcount a
set a text
object refcount a
set a 9223372036854775807
object encoding a
set a -9223372036854775808
object encoding a
set a 9223372036854775808
object encoding a
set a 00
object encoding a
set a -0
object encoding a
set a +1
object encoding a
set a 1.0
object encoding a
set a " 1"
object encoding a
set a ""
object encoding a
""", *[command for n in (43, 44, 45, 1024, 1025) for command in
       (["set", "a", "x" * n], ["object", "encoding", "a"], ["append", "a", ""], ["object", "encoding", "a"],
        ["getset", "a", "y" * n], ["object", "encoding", "a"])])

# ---- SCAN ----

CASES["scan"] = _case("""
scan 0
scan 0 count 1000
set a 1
scan 0 count 1000
scan 0 match a count 1000
scan 0 match b count 1000
scan 0 match * count 1000
scan 0 type string count 1000
scan 0 type STRING count 1000
scan 0 type list count 1000
scan 0 type nosuch count 1000
scan 0 type string type list count 1000
scan 0 count 1000 match a type string
scan 0 COUNT 5 count 1000 MATCH b MATCH a
select 1
scan 0 count 1000
select 0
scan
scan x
scan 1x
scan ""
scan " 0"
scan "0 "
scan +0 count 1000
scan 00 count 1000
scan 18446744073709551616
scan 99999999999999999999999
scan 0 match
scan 0 count
scan 0 type
scan 0 foo
scan 0 foo bar
scan 0 count 0
scan 0 count -1
scan 0 count x
scan 0 count 1.5
scan 0 count 9223372036854775808
scan 0 count 10 count x
scan 0 count 10 foo
scan 0 match a match
scan 0 nomatch a
scan x count 0
scan 0 count 9223372036854775807
del a
scan 0 count 1
""")

CASES["keys and scan of many"] = _case("", ["mset"] + [w for i in range(500) for w in (f"key:{i}", str(i))],
                                        *[["keys", pattern] for pattern in
                                          ("*", "key:*", "key:?", "key:??", "key:[1-3]*", "key:[^1-3]?", "key:*9", "*0*",
                                           "key:1[0-4][5-9]", "key:\\1*", "key:[3-1]", "key:[1", "key:[]", "?ey:*7?",
                                           "*:*:*", "k*e*y*:*1*", "key:1", "KEY:*", "key:[1\\-3]", "key:[a-]*")],
                                        ["scan", "0", "count", "100000"],
                                        ["scan", "0", "count", "100000", "match", "*7*"],
                                        ["scan", "0", "match", "*7*", "count", "100000", "type", "string"],
                                        ["scan", "0", "match", "*7*", "count", "100000", "type", "hash"],
                                        ["dbsize"], ["select", "1"], ["keys", "*"], ["dbsize"], ["randomkey"],
                                        ["scan", "0", "count", "100000"], ["swapdb", "0", "1"], ["dbsize"],
                                        ["keys", "*99"], ["scan", "0", "count", "100000", "match", "*99"],
                                        ["flushdb"], ["dbsize"], ["scan", "0"], ["select", "0"], ["dbsize"])

# ---- expiry ----

CASES["expire"] = _case(f"""
expire nokey 10
set a v
ttl a
pttl a
expiretime a
pexpiretime a
expire a 100
ttl a
pexpire a 200000
ttl a
expireat a {LATER}
expiretime a
pexpiretime a
pexpireat a {LATER_MS}
expiretime a
pexpiretime a
pexpireat a 4102444800499
expiretime a
pexpireat a 4102444800500
expiretime a
persist a
persist a
persist nokey
ttl a
ttl nokey
pttl nokey
expiretime nokey
pexpiretime nokey
get a
expire a 100
set a w
ttl a
expire a -1
exists a
set a v
expire a 0
exists a
set a v
pexpire a 0
exists a
set a v
pexpire a -5
exists a
set a v
expireat a 0
exists a
set a v
expireat a 1
exists a
set a v
pexpireat a 1
exists a
set a v
pexpireat a -1
exists a
set a v
pexpireat a {MIN}
exists a
set a v
pexpireat a {MAX}
pexpiretime a
expiretime a
expireat a 9223372036854775
pexpiretime a
expireat a 9223372036854776
expireat a {MAX}
expireat a {MIN}
expireat a -9223372036854775
exists a
""")

CASES["expire errors"] = _case(f"""
set a v
expire
expire a
expire a x
expire a 1.5
expire a ""
expire a 9223372036854775808
expire a {MAX}
expire a {MIN}
expire a 9223372036854775
expire a 9223372036854776
expire a -9223372036854776
pexpire a {MAX}
pexpire a 9223372036854775000
pexpire a 9223372036854775808
pexpire a x
expireat a x
expireat a 9223372036854776
expireat a -9223372036854776
pexpireat a x
pexpireat a 9223372036854775808
expire nokey x
expire nokey {MAX}
pexpire nokey {MAX}
expire a 10 foo
expire a x foo
expire a 10 nx foo
expire a 10 nx xx
expire a 10 nx gt
expire a 10 lt nx
expire a 10 gt lt
expire a 10 xx gt lt
expire a 10 nx xx gt lt
expire nokey 10 gt lt
pexpire a 10 foo
expireat a 10 foo
pexpireat a 10 gt lt
expire a 10 ""
ttl a
ttl
ttl a b
pttl
expiretime
pexpiretime
persist
persist a b
""")

CASES["expire conditions"] = _case(f"""
set a v
expireat a 4102444800 xx
expireat a 4102444800 gt
expireat a 4102444800 xx gt
ttl a
expireat a 4102444800 lt
expiretime a
expireat a 4102444800 nx
expireat a 4102444900 nx
expiretime a
expireat a 4102444900 xx
expiretime a
expireat a 4102444900 gt
expireat a 4102444901 gt
expiretime a
expireat a 4102444800 gt
expireat a 4102444901 lt
expireat a 4102444902 lt
expireat a 4102444800 lt
expiretime a
expireat a 4102444700 xx lt
expiretime a
expireat a 4102444750 gt xx
expiretime a
expireat a 4102444760 xx XX
expiretime a
expireat a 4102444770 gt GT
expiretime a
persist a
expireat a 4102444700 xx lt
expireat a 4102444700 nx nx
expiretime a
persist a
pexpireat a {LATER_MS} nx
pexpiretime a
pexpireat a 4102444800124 gt
pexpireat a 4102444800124 gt
pexpiretime a
pexpireat a 4102444800123 lt
pexpiretime a
expire a 100 lt
ttl a
expire a 200 lt
ttl a
expire a 300 gt
ttl a
pexpire a 100000 xx
ttl a
pexpire a 100000 nx
expireat a 1 gt
exists a
expireat a 1 nx
exists a
expireat a 1 lt
exists a
set a v
expireat a 1 gt
expireat a 1 xx
exists a
expireat a 1 nx
exists a
set a v
expireat a 1 lt
exists a
expire nokey 10 nx
expire nokey 10 xx
expire nokey 10 gt
expire nokey 10 lt
""")

CASES["expiry is kept or dropped"] = _case(f"""
set a 1 exat {LATER}
incr a
expiretime a
append a 0
expiretime a
setrange a 0 2
expiretime a
incrbyfloat a 0.5
expiretime a
getrange a 0 -1
getset a 1
ttl a
expireat a {LATER}
mset a 2
ttl a
expireat a {LATER}
setnx a 3
expiretime a
set a 3 nx
expiretime a
set a 3 xx keepttl
expiretime a
set a 4 xx
ttl a
expireat a {LATER}
copy a b
expiretime b
rename b c
expiretime c
move c 1
select 1
expiretime c
select 0
swapdb 0 1
expiretime c
swapdb 0 1
expiretime a
getdel a
set a 1
ttl a
""", ["set", "a", "x" * 1000, "exat", LATER], ["append", "a", "y" * 3000], ["expiretime", "a"], ["strlen", "a"],
    ["persist", "a"], ["strlen", "a"], ["expireat", "a", LATER], ["getrange", "a", "998", "1002"],
    ["set", "a", "1", "keepttl"], ["expiretime", "a"], ["set", "a", "z" * 5000, "keepttl"], ["expiretime", "a"])

# ---- databases ----

CASES["select swapdb flush"] = _case("""
select
select x
select 1.0
select ""
select 16
select -1
select 2147483648
select 99999999999
select -99999999999
select 9223372036854775808
select 15
set a fifteen
dbsize
select 0
dbsize
get a
set a zero
swapdb 0 15
get a
select 15
get a
swapdb 15 0
get a
swapdb 0 15
select 0
get a
swapdb 0 0
get a
swapdb 0 1
dbsize
swapdb 1 0
dbsize
swapdb
swapdb 0
swapdb 0 1 2
swapdb x 0
swapdb 0 x
swapdb x y
swapdb 0 16
swapdb 16 0
swapdb -1 0
swapdb 0 -1
swapdb 99999999999 0
swapdb 0 99999999999
swapdb 9223372036854775808 0
swapdb 1.0 0
flushdb
dbsize
select 15
dbsize
flushdb foo
flushdb sync
dbsize
set a 1
flushdb ASYNC
dbsize
set a 1
flushdb async async
flushdb sync async
flushall foo
flushall async sync
dbsize
select 3
set b 1
flushall async
dbsize
select 15
dbsize
set a 1
select 0
set a 1
flushall SYNC
dbsize
select 15
dbsize
get a
flushall
""")

# ---- the same with lists ----

LIST_CASES = {}
LIST_CASES["wrong type"] = _case(f"""
rpush l 1
get l
getset l x
getdel l
getex l
getex l ex 0
getex l foo
set l x get
set l x nx get
set l x xx get
set l x get ex 0
set l x nx
mget l nokey l
strlen l
getrange l 0 1
getrange l x 1
substr l 0 1
append l x
append l ""
setrange l 0 x
setrange l 0 ""
setrange l -1 x
setrange l 536870912 x
incr l
decr l
incrby l 1
incrby l x
decrby l {MIN}
incrbyfloat l 1
incrbyfloat l x
lcs l nokey
lcs nokey l
lcs l l foo
type l
setnx l x
msetnx l 1 m 2
exists l m
lrange l 0 -1
expireat l {LATER}
expiretime l
persist l
rename l m
type m
copy m n
type n
copy m n replace
lrange n 0 -1
move n 1
scan 0 type string count 1000
scan 0 type list count 1000
object refcount m
mset m 1
type m
rpush l 1
set l v
get l
rpush k 1
setex k 100 v
get k
""")
