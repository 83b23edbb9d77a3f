"""Cases for the blocking commands as far as one connection can show them: arguments, errors, what is there at once, time-outs.

Who is served by whom is in test_blocking.py.
"""
import shlex


def _case(text, *more):
    """One command a line, in the notation of a shell; `more` are commands given as lists."""
    return [shlex.split(line) for line in text.strip().splitlines() if line.strip()] + [list(command) for command in more]


CASES = {}

CASES["lists that are there"] = _case("""
rpush k a b c d e f
blpop k 0
brpop none k 0
blpop none k other 0.5
blmove k l left right 0
brpoplpush k l 0
blmove k k right left 0
lrange k 0 -1
lrange l 0 -1
blmpop 0 2 none l right
blmpop 0 1 k left count 10
exists k l
rpush k a b c d
blmpop 0.1 2 none k LEFT COUNT 2
lrange k 0 -1
""")

CASES["timeouts"] = _case("""
blpop k 0.01
brpop k l 0.01
blmove k l left left 0.01
brpoplpush k l 0.01
blmpop 0.01 2 k l left
blpop k -1
blpop k abc
blpop k nan
blpop k inf
blpop k -inf
blpop k 1e300
blpop k ""
blpop k 9223372036854775807
blpop k 0x0.01
brpop k -1
blmove k l left right -1
blmove k l left right abc
brpoplpush k l -1
blmpop -1 1 k left
blmpop abc 1 k left
""")

CASES["arguments"] = _case("""
blpop
blpop k
brpop k
blmove k l left
blmove k l left right
blmove k l up right 0
blmove k l left down 0
blmove k l up right abc
brpoplpush k l
blmpop 0 1 k
blmpop 0 0 k left
blmpop 0 -1 k left
blmpop 0 abc k left
blmpop 0 2 k left
blmpop 0 1 k middle
blmpop 0 1 k left count
blmpop 0 1 k left count 0
blmpop 0 1 k left count -1
blmpop 0 1 k left count abc
blmpop 0 1 k left count 1 count 1
blmpop 0 1 k left limit 1
blmpop 0 3 k left
""")

CASES["wrong types"] = _case("""
set s text
rpush k v
blpop s 0
blpop none s k 0
blpop k s 0
rpush k v
blmove s k left left 0
blmove k s left left 0
lrange k 0 -1
brpoplpush k s 0
brpoplpush s k 0
blmpop 0 2 s k left
blmpop 0 2 k s left
rpush k v
blmove none s left left 0.01
""")

CASES["within a transaction"] = _case("""
multi
blpop k 0
brpop k 0
blmove k l left left 0
brpoplpush k l 0
blmpop 0 1 k left
rpush k v
blpop k 0
blpop k abc
exec
multi
blpop k
exec
""")

CASES["sorted sets"] = _case("""
zadd z 1 a 2 b 3 c 4 d
bzpopmin none z 0
bzpopmax z 0
bzmpop 0 2 none z min
bzmpop 0 1 z max count 5
exists z
bzpopmin z 0.01
bzpopmax z y 0.01
bzmpop 0.01 1 z max
bzpopmin z -1
bzpopmin z abc
bzmpop 0 0 z min
bzmpop 0 1 z middle
bzmpop 0 1 z min count 0
bzmpop 0 1 z min count abc
bzmpop abc 1 z min
set s text
bzpopmin s 0
bzpopmin none s 0
bzmpop 0 2 none s min
multi
bzpopmin z 0
bzmpop 0 1 z min
zadd z 1.5 m
bzpopmax z 0
exec
""")
