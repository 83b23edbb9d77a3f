"""Keys as such, SCAN, and databases: every option and every mistake.

No reply here depends on the time of day or on chance, and on the order of a hash table only where compare.py
allows for it.
"""
from casetext import LATER, LATER_MS, case

CASES = {}

# ---- keys ----

CASES["del unlink exists touch"] = case("""
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
""", ["set", "big", "x" * 100000], ["del", "big"], ["set", "big", "x" * 100000], ["unlink", "big"],
    ["get", "big"])

CASES["type"] = case("""
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

CASES["rename"] = case(f"""
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
    ["get", "s"], ["append", "r", "raw"], ["append", "r", "er"], ["rename", "r", "q"], ["object",
    "encoding", "q"])

CASES["copy"] = case(f"""
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

CASES["move"] = case(f"""
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

CASES["keys randomkey dbsize"] = case("""
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
""", ["del", "a*b"], ["set", "a" * 60, "1"], ["keys", "a*" * 30 + "b"], ["keys", "a*" * 30],
    ["keys", b"\xff*"],
    ["set", b"\xff\x00x", "1"], ["keys", b"\xff\x00?"], ["keys", b"\xff*"])

CASES["object"] = case("""
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

CASES["scan"] = case("""
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

CASES["keys and scan of many"] = case("", ["mset"] + [w for i in range(500) for w in (f"key:{i}", str(i))],
                                        *[["keys", pattern] for pattern in
                                          ("*", "key:*", "key:?", "key:??", "key:[1-3]*", "key:[^1-3]?",
                                           "key:*9", "*0*",
                                           "key:1[0-4][5-9]", "key:\\1*", "key:[3-1]", "key:[1", "key:[]",
                                           "?ey:*7?",
                                           "*:*:*", "k*e*y*:*1*", "key:1", "KEY:*", "key:[1\\-3]",
                                           "key:[a-]*")],
                                        ["scan", "0", "count", "100000"],
                                        ["scan", "0", "count", "100000", "match", "*7*"],
                                        ["scan", "0", "match", "*7*", "count", "100000", "type", "string"],
                                        ["scan", "0", "match", "*7*", "count", "100000", "type", "hash"],
                                        ["dbsize"], ["select", "1"], ["keys", "*"], ["dbsize"], ["randomkey"],
                                        ["scan", "0", "count", "100000"], ["swapdb", "0", "1"], ["dbsize"],
                                        ["keys", "*99"], ["scan", "0", "count", "100000", "match", "*99"],
                                        ["flushdb"], ["dbsize"], ["scan", "0"], ["select", "0"], ["dbsize"])


# ---- databases ----

CASES["select swapdb flush"] = case("""
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

# A lone star means every key, also the empty one, which no other pattern of stars matches.
CASES["the empty key and stars"] = case("""
set "" x
scan 0 match * count 1000
scan 0 match ** count 1000
scan 0 match "" count 1000
keys *
keys **
keys ""
""")
