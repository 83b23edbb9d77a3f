"""Cases for MULTI, EXEC, DISCARD, WATCH and UNWATCH, to be sent to gyre-server and to redis-server, reply by reply.

What needs a second connection (a watched key changed by another) is in test_transactions.py.
"""
import shlex


def _case(text, *more):
    """One command a line, in the notation of a shell; `more` are commands given as lists."""
    return [shlex.split(line) for line in text.strip().splitlines() if line.strip()] + [list(command) for command in more]


CASES = {}

CASES["a transaction"] = _case("""
multi
set a 1
incr a
append b xyz
mget a b c
exec
get a
multi
exec
multi
ping
echo hello
exec
""")

CASES["out of place"] = _case("""
exec
discard
exec a
discard a
multi a
multi
multi
watch a
exec
multi
exec a
exec
unwatch
unwatch a
watch
""")

CASES["errors before and within"] = _case("""
multi
nonsense
set a 1
exec
get a
multi
get
ping
discard
multi
set a
exec
multi
config nonsense
exec
multi
set a x
incr a
append a y
set a z ex 0
get a
exec
get a
multi
shutdown
ping
exec
multi
set s text
getrange s 0
exec
""")

CASES["watching"] = _case("""
set a 1
watch a
multi
get a
exec
watch a
set a 2
multi
get a
exec
get a
watch a
set a 3
unwatch
multi
get a
exec
watch a
set a 4
multi
discard
multi
get a
exec
watch a a b
multi
set b 1
exec
watch b
multi
exec
watch missing
del missing
multi
ping
exec
watch missing
set missing 1
multi
ping
exec
watch missing
del missing
multi
ping
exec
watch a
expire a 100
multi
ping
exec
watch a
expire a 100
multi
ping
exec
watch a
persist a
multi
ping
exec
watch a
persist a
multi
ping
exec
watch a
rename a c
multi
ping
exec
watch c
copy c d
multi
ping
exec
watch e
copy c e
multi
ping
exec
watch c
getex c
multi
ping
exec
watch c
getex c ex 100
multi
ping
exec
watch c
setrange c 0 ""
multi
ping
exec
watch c
append c ""
multi
ping
exec
watch c
msetnx c 1 f 2
multi
ping
exec
watch c
set c 1 nx
multi
ping
exec
watch c
touch c
multi
ping
exec
""")

CASES["watching across databases"] = _case("""
set a 1
watch a
select 1
set a 2
multi
get a
exec
select 0
watch a
move a 2
multi
ping
exec
select 2
watch a
select 0
flushdb
select 2
multi
get a
exec
watch a
flushall
multi
ping
exec
watch a
flushall
multi
ping
exec
set a 1
watch a
swapdb 2 3
multi
ping
exec
watch a
swapdb 3 2
multi
ping
exec
watch a b
swapdb 4 5
multi
ping
exec
""")

CASES["state within a transaction"] = _case("""
set a outside
multi
select 1
set a inside
get a
select 0
get a
client setname in-between
exec
client getname
get a
multi
flushall
dbsize
set a 1
dbsize
keys *
randomkey
scan 0
exec
multi
select 3
discard
get a
multi
set a 2
reset
exec
get a
hello 3
watch a
set a 5
multi
get a
exec
multi
get a
get missing
exec
""")

CASES["a transaction is ended by quit"] = _case("""
set a 1
multi
set a 2
quit
""")
