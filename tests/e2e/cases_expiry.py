"""When keys end: EXPIRE and its relatives, and what keeps or drops a deadline.

No reply here depends on the time of day or on chance, and on the order of a hash table only where compare.py
allows for it. TTL replies are in seconds, rounded to the nearest: half a second may pass before TTL.
"""
from casetext import LATER, LATER_MS, MAX, MIN, case

CASES = {}

CASES["expire"] = case(f"""
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

CASES["expire errors"] = case(f"""
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

CASES["expire conditions"] = case(f"""
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

CASES["expiry is kept or dropped"] = case(f"""
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
""", ["set", "a", "x" * 1000, "exat", LATER], ["append", "a", "y" * 3000], ["expiretime", "a"], ["strlen",
    "a"],
    ["persist", "a"], ["strlen", "a"], ["expireat", "a", LATER], ["getrange", "a", "998", "1002"],
    ["set", "a", "1", "keepttl"], ["expiretime", "a"], ["set", "a", "z" * 5000, "keepttl"], ["expiretime",
    "a"])
