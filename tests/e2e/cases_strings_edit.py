"""Parts of strings, numbers in strings, LCS: every option and every mistake.

No reply here depends on the time of day or on chance, and on the order of a hash table only where compare.py
allows for it. TTL replies are in seconds, rounded to the nearest: half a second may pass before TTL.
"""
from casetext import MAX, MIN, case

CASES = {}

# ---- parts of strings ----

CASES["strlen"] = case("""
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
CASES["getrange"] = case("""
set a hello
set n 12345
""", *[["getrange", "a", start, end] for start in _EDGES for end in _EDGES],
    *[["getrange", "n", start, end] for start in ("0", "-1", "2") for end in ("0", "-1", "3")],
    *[["getrange", "nokey", start, end] for start in ("0", "-1") for end in ("0", "-1")])

CASES["getrange errors"] = case("""
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
""", ["set", "big", "0123456789" * 2000], ["getrange", "big", "9995", "10010"], ["getrange", "big", "-3",
    "-1"],
    ["getrange", "big", "0", "-1"], ["getrange", "big", "5", "19000"], ["getrange", "big", "19999", "20001"])

CASES["setrange"] = case(f"""
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
    ["getrange", "far", "-5", "-1"], ["set", "s", "x" * 1020], ["setrange", "s", "1018", "abcdefgh"],
    ["get", "s"],
    ["strlen", "s"])

CASES["append"] = case("""
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

CASES["incr"] = case(f"""
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

CASES["incrbyfloat"] = case(f"""
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
         ["idx", "minmatchlen", "3", "withmatchlen"], ["IDX", "MINMATCHLEN", "-1"], ["idx", "minmatchlen",
         "0"],
         ["idx", "minmatchlen", "1"], ["idx", "minmatchlen", MAX], ["idx", "minmatchlen", MIN],
         ["withmatchlen"],
         ["minmatchlen", "4"], ["len", "withmatchlen", "minmatchlen", "9"], ["len", "len"], ["idx", "idx"],
         ["idx", "minmatchlen", "9", "minmatchlen", "2"]))
_LCS_TEXTS = (("ohmytext", "mynewtext"), ("abc", "abc"), ("abc", "xyz"), ("abcdefgh", "hgfedcba"), ("a", ""),
              ("", "a"), ("aaaa", "aa"), ("aa", "aaaa"), ("abcabcabcabc", "cbacba"), ("xaxbxcx", "yaybycy"),
              ("12345", "1245"), ("AGGTAB" * 12, "GXTXAYB" * 15), ("ab" * 70, "ba" * 64),
              ("x" * 64, "x" * 128),
              ("abcd" * 16 + "e", "e" + "dcba" * 48), ("q" * 63 + "r", "r" + "q" * 65))
CASES["lcs"] = case("", *[command for a, b in _LCS_TEXTS for command in
                           [["mset", "a", a, "b", b]] + [["lcs", "a", "b", *options] for options in _LCS]])
CASES["lcs bytes"] = case("", ["set", "a", bytes(range(256)) * 2], ["set",
                          "b", bytes(range(255, -1, -1)) * 3],
                           ["lcs", "a", "b"], ["lcs", "a", "b", "idx", "withmatchlen"], ["lcs", "b", "a",
                           "idx"],
                           ["lcs", "a", "a"], ["lcs", "a", "a", "idx"], ["lcs", "a", "nokey"],
                           ["lcs", "nokey", "a", "idx"],
                           ["lcs", "nokey", "nokey2", "len"], ["set", "n", "123456"], ["lcs", "n", "a"],
                           ["lcs", "n", "n", "idx"])
CASES["lcs errors"] = case("""
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
