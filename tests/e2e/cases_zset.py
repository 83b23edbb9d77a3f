"""Sorted sets one at a time: ZADD ZINCRBY ZREM ZCARD ZSCORE ZMSCORE ZRANK ZREVRANK ZPOPMIN ZPOPMAX ZMPOP ZRANDMEMBER ZSCAN.

Each case runs twice: in a listpack, and with zset-max-listpack-entries 0 in the other encoding.
"""
from casetext import MAX, MIN, case

CASES = {}


def twice(name, commands):
    limit = ["config", "set", "zset-max-listpack-entries"]
    CASES[f"{name}, small"] = [[*limit, "128"], *commands]
    CASES[f"{name}, large"] = [[*limit, "0"], *commands, [*limit, "128"]]


twice(
    "zadd",
    case(
        f"""
zadd z 1 a
zadd z 1 a
zadd z 2 a
zadd z 1 a 2 b 3 c
zadd z ch 1 a 5 b 6 d
zadd z CH 1 a
object encoding z
type z
zrange z 0 -1 withscores
zadd z nx 9 a 9 e
zadd z xx 8 a 8 f
zadd z xx ch 7 a 8 b
zadd z gt 6 a
zadd z gt ch 8 a 4 b
zadd z lt ch 3 a 9 b
zadd z gt xx ch 30 a 9 new
zadd z lt xx ch 3 a 9 new
zadd z gt 9 new
zadd z lt 3 newer
zadd z incr 1 a
zadd z incr nx 1 a
zadd z incr nx 1 fresh
zadd z incr xx 1 fresher
zadd z incr xx 1.5 fresh
zadd z incr gt -1 a
zadd z incr gt 1 a
zadd z incr lt 1 a
zadd z incr lt -1 a
zadd z incr gt 0 a
zadd z incr 0 a
zadd z incr ch 1 a
zrange z 0 -1 withscores
zadd none xx 1 a
exists none
zadd none xx incr 1 a
exists none
zadd z
zadd z 1
zadd z 1 a 2
zadd z nx
zadd z nx 1
zadd z nx xx 1 a
zadd z nx gt 1 a
zadd z nx lt 1 a
zadd z gt lt 1 a
zadd z nx gt lt 1 a
zadd z nx xx gt 1 a
zadd z xx nx incr 1 a 2 b
zadd z incr 1 a 2 b
zadd z nonsense 1 a
zadd z x a
zadd z 1 a y b
zscore z y
zadd z 1 a 2
zadd z incr incr 1 a
zadd z nan a
zadd z inf a
zadd z incr -inf a
zscore z a
zadd z incr 1 a
zadd z -inf a
zadd z incr inf a
zadd z incr +inf a
zadd z 1.0e2 a 0x10 b " 1" c
zadd z 1e400 a
zadd z "1 " a
zadd z "" a
zadd z 1 ""
zscore z ""
zadd z {MAX} int {MIN} minint 4503599627370495 big 4503599627370496 bigger 9007199254740993 odd
zadd z 0.1 p 0.30000000000000004 q 3.14159265358979 r 1e-10 s 1e17 t 1e21 u 123456789012.5 v -0.5 w -0 x 5e-324 y 1.7976931348623157e308 yy
zrange z 0 -1 withscores
zmscore z int minint big bigger odd p q r s t u v w x y yy nothing
zadd z 0 x
zscore z x
zadd z 1 1 2 2 3 01 4 " 1" 5 -1
zrange z 0 -1 withscores
set str v
zadd str 1 a
zadd str x a
zadd str nx xx 1 a
zadd str xx 1 a
"""
    ),
)

twice(
    "zincrby",
    case(
        f"""
zincrby z 1 a
zincrby z 1 a
zincrby z -2.5 a
zincrby z 0 a
zincrby z inf a
zincrby z -inf a
zincrby z 1 a
zincrby z x a
zincrby z nan a
zincrby z "" a
zincrby z 1
zincrby z 1 a b
zincrby z nx a
zincrby z xx a
zincrby z 1e308 b
zincrby z 1e308 b
zincrby z -inf c
zincrby z 0.1 d
zincrby z 0.2 d
zincrby z {MAX} e
zrange z 0 -1 withscores
set str v
zincrby str 1 a
zincrby str x a
expire z 1000
zincrby z 1 a
ttl z
"""
    ),
)

twice(
    "zrem, zcard, zscore, zmscore",
    case(
        """
zadd z 1 a 2 b 3 c 4 d 5 5
zcard z
zcard none
zscore z a
zscore z 5
zscore z x
zscore none a
zmscore z a x b
zmscore none a b
zmscore z
zscore z
zscore z a b
zrem z a
zrem z a
zrem z b b x
zrem none a
exists none
zcard z
zrange z 0 -1
zrem z c d 5 x y
exists z
zrem z
set str v
zcard str
zscore str a
zmscore str a b
zrem str a
zcard
"""
    ),
)

twice(
    "zrank",
    case(
        """
zadd z 1 a 2 b 2 c 2 bb 3 d -1 z inf i -inf m
zrank z a
zrank z b
zrank z bb
zrank z m
zrank z i
zrank z x
zrevrank z a
zrevrank z bb
zrevrank z m
zrevrank z i
zrevrank z x
zrank none a
zrevrank none a
zrank z
set str v
zrank str a
zrevrank str a
"""
    ),
)

twice(
    "zpopmin, zpopmax",
    case(
        f"""
zadd z 1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h
zpopmin z
zpopmax z
zpopmin z 1
zpopmax z 1
zpopmin z 2
zpopmax z 0
zpopmin z 0
zpopmax none
zpopmin none 5
zpopmin none 0
zpopmin z -1
zpopmin z x
zpopmin z 1 2
zpopmax z {MIN}
zpopmax z 1.5
zpopmin z 99999999999999999999
zpopmin z {MAX}
exists z
zpopmin z
zadd z 1.5 a inf b
zpopmax z 2
exists z
zadd z 1 a
zpopmax z
exists z
set str v
zpopmin str
zpopmin str 0
zpopmin str -1
zpopmax str 5
zpopmin
"""
    ),
)

twice(
    "zmpop",
    case(
        f"""
zadd z 1 a 2 b 3 c 4 d 5 e
zadd y 1 p 2 q
zmpop 1 z min
zmpop 1 z MAX
zmpop 2 none z min count 1
zmpop 2 z none max count 2
zmpop 2 z y min count 10
exists z
zmpop 2 z y max count {MAX}
exists y
zmpop 2 z y min
zmpop 1 none min
zmpop 0 z min
zmpop -1 z min
zmpop x z min
zmpop 1 z
zmpop 2 z min
zmpop 3 z y min
zmpop 99999 z min
zmpop {MAX} z min
zmpop 1 z middle
zmpop 1 z min count
zmpop 1 z min count 0
zmpop 1 z min count -1
zmpop 1 z min count x
zmpop 1 z min count 1 count 2
zmpop 1 z min nonsense
zmpop 1 z min max
set str v
zmpop 1 str min
zmpop 2 none str min
zadd z 1 a
zmpop 2 str z min
zmpop 2 z str min
zmpop 2 z str min
"""
    ),
)

twice(
    "zrandmember",
    case(
        f"""
zadd one 1.5 a
zrandmember one
zrandmember one 1
zrandmember one 5
zrandmember one -3
zrandmember one 1 withscores
zrandmember one -2 WITHSCORES
zrandmember one 0
zrandmember one 0 withscores
zadd z 1 a 2 b 3 c
zrandmember z 3
zrandmember z 10
zrandmember z 3 withscores
zrandmember z {MAX}
zrandmember none
zrandmember none 5
zrandmember none -5 withscores
zrandmember z x
zrandmember z {MIN}
zrandmember z {MAX} withscores
zrandmember z 4611686018427387903 withscores
zrandmember z 4611686018427387904 withscores
zrandmember z -4611686018427387904 withscores
zrandmember z 3 nonsense
zrandmember z 3 withscores more
zrandmember z x nonsense
set str v
zrandmember str
zrandmember str 1
zrandmember
"""
    ),
)

twice(
    "zscan",
    case(
        """
zadd z 1 a 2.5 b inf c 1e20 ab 0.1 bb
zscan z 0
zscan z 0 match a*
zscan z 0 match *
zscan z 0 match x
zscan z 0 count 100 match [ab]
zscan z 0 count 100
zadd w 1e17 a 4611686018427387904 b 4611686018427388928 c -4611686018427387904 d 9e18 e -0 f 0.1 g 1e-5 h 12345678901234567 i
zscan w 0
zrange w 0 -1 withscores
zscan none 0
zscan none 0 nonsense
zscan none 7 count 0
zscan z x
zscan z -1x
zscan z 0 count 0
zscan z 0 count -1
zscan z 0 count x
zscan z 0 count
zscan z 0 match
zscan z 0 nonsense 1
zscan z 0 nonsense
set str v
zscan str 0
zscan str 0 nonsense
zscan z
"""
    ),
)

twice(
    "deadlines, copies and other types",
    case(
        """
zadd z 1 a 2 b
expire z 1000
zadd z 3 c
zrem z a
zpopmin z
ttl z
persist z
copy z y
zadd y 9 z
zrange z 0 -1 withscores
zrange y 0 -1 withscores
rename y x
zrange x 0 -1
object encoding x
move x 1
exists x
get z
append z v
incr z
getset z v
sadd z a
set z v
zadd z 1 a
del z
zadd z 1 a
unlink z
exists z
"""
    ),
)

CASES["where the encoding changes"] = (
    [["config", "set", "zset-max-listpack-entries", "128"]]
    + [["zadd", "z", str(i * 7 % 128), f"m{i}"] for i in range(127)]
    + case(
        """
object encoding z
zadd z 1.5 m127
object encoding z
zadd z 3 m5
object encoding z
zadd z xx 3 other
object encoding z
zadd z 1 m128
object encoding z
zrange z 0 -1 withscores
zremrangebyrank z 5 -1
object encoding z
zrange z 0 -1 withscores
copy z y
object encoding y
del z
zadd z 1 a
object encoding z
"""
    )
    + [
        ["zadd", "z", "1", "x" * 64],
        ["object", "encoding", "z"],
        ["zadd", "z", "1", "x" * 65],
        ["object", "encoding", "z"],
        ["zadd", "w", "1", "x" * 65],
        ["object", "encoding", "w"],
        ["zadd", "v", "xx", "1", "x" * 65],
        ["zadd", "v", "1", "a", "2", "x" * 65],
        ["object", "encoding", "v"],
        ["config", "set", "zset-max-listpack-value", "3"],
        ["zadd", "u", "1", "abc"],
        ["object", "encoding", "u"],
        ["zadd", "u", "1", "abcd"],
        ["object", "encoding", "u"],
        ["config", "set", "zset-max-ziplist-value", "64"],
        ["config", "set", "zset-max-ziplist-entries", "2"],
        ["zadd", "t", "1", "a", "2", "b"],
        ["object", "encoding", "t"],
        ["zincrby", "t", "1", "c"],
        ["object", "encoding", "t"],
        ["config", "set", "zset-max-listpack-entries", "128"],
    ]
)

CASES["many members"] = (
    [["config", "set", "zset-max-listpack-entries", "128"]]
    + [
        ["zadd", "z"] + [word for i in range(at, at + 100) for word in (str(i * 7919 % 2003), f"member-{i}")]
        for at in range(0, 2000, 100)
    ]
    + case(
        """
zcard z
zrange z 0 20 withscores
zrange z -20 -1 withscores
zrank z member-5
zrevrank z member-5
zrange z 500 1500 byscore limit 100 10 withscores
zrange z 1500 500 byscore rev limit 100 10 withscores
zcount z 100 (700
zremrangebyscore z 100 (700
zremrangebyrank z 10 50
zcard z
zrange z 0 -1
zpopmin z 100
zpopmax z 100
zcard z
zincrby z 10000 member-1999
zrevrange z 0 3 withscores
"""
    )
    + [
        ["zrem", "z", *[f"member-{i}" for i in range(0, 2000, 3)]],
        ["zcard", "z"],
        ["zrange", "z", "0", "-1", "withscores"],
        ["zpopmax", "z", "5000"],
        ["exists", "z"],
    ]
)

CASES["what is a change to those who watch"] = [
    ["zadd", "z", "1", "a", "2", "b", "3", "c"],
    ["zadd", "y", "1", "a"],
    ["set", "k", "v"],
] + [
    command
    for change in (
        "zadd z 1 a",
        "zadd z nx 5 a",
        "zadd z gt 0 a",
        "zadd z 2 a",
        "zadd z incr 0 a",
        "zincrby z 0 a",
        "zincrby z 1 a",
        "zrem z x",
        "zrem z a",
        "zpopmin z 0",
        "zpopmin nokey",
        "zpopmin z",
        "zremrangebyscore z 100 200",
        "zremrangebyrank z 5 6",
        "zremrangebylex z [x [y",
        "zrangestore d z 5 6",
        "zrangestore d z 0 -1",
        "zrangestore d z 5 6",
        "zunionstore d 1 nokey",
        "zunionstore d 1 y",
        "zinterstore d 2 y nokey",
        "zrange z 0 -1",
        "zmpop 1 nokey min",
        "zmpop 1 y min",
    )
    for command in (["watch", "z", "y", "d", "k"], change.split(), ["multi"], ["zcard", "z"], ["exec"])
]
