"""Several sorted sets together: ZUNION ZINTER ZDIFF, their storing forms, ZINTERCARD; every option and mistake.

Each case runs twice: with listpacks and intsets, and with the thresholds at 0 in the other encodings.
"""
from casetext import case

CASES = {}

FILL = case(
    """
zadd a 1 x 2 y 3 z 4.5 w
zadd b 10 x 20 z 0.25 v
zadd c -1 x 1e300 z inf w
zadd d -inf w inf x 0 y
zadd n 1 1 2 2 3 7
sadd s x z q
sadd i 1 2 3
set str v
"""
)


def twice(name, commands):
    limits = ["zset-max-listpack-entries", "set-max-intset-entries"]
    large = [["config", "set", limit, "0"] for limit in limits]
    normal = [["config", "set", limits[0], "128"], ["config", "set", limits[1], "512"]]
    CASES[f"{name}, small"] = normal + FILL + commands
    CASES[f"{name}, large"] = large + FILL + commands + normal


KEYS = [
    "1 a",
    "1 none",
    "2 a b",
    "2 b a",
    "3 a b c",
    "2 a none",
    "2 none a",
    "2 a a",
    "3 a b a",
    "2 a s",
    "2 s a",
    "1 s",
    "2 s s",
    "2 n i",
    "2 i n",
    "2 a n",
    "4 a b c s",
    "2 c d",
    "3 a c d",
    "2 none none",
    "2 b s",
]
WEIGHTS = ["2", "0", "-1", "0.5", "inf", "-inf"]


def each(name, keys):
    yield [name, *keys.split()]
    yield [name, *keys.split(), "withscores"]


twice("difference", [command for keys in KEYS for command in each("zdiff", keys)])

for operation in ("zunion", "zinter"):
    commands = [command for keys in KEYS for command in each(operation, keys)]
    for keys in KEYS:
        for how in ("sum", "min", "MAX"):
            commands.append([operation, *keys.split(), "aggregate", how, "withscores"])
        for first in WEIGHTS:
            weights = [first] + ["3"] * (int(keys[0]) - 1)
            commands.append([operation, *keys.split(), "weights", *weights, "withscores"])
            commands.append([operation, *keys.split(), "withscores", "aggregate", "min", "weights", *weights])
    twice(f"{operation} with weights and aggregates", commands)

twice(
    "cardinality",
    [
        ["zintercard", *keys.split(), *limit]
        for keys in KEYS
        for limit in ([], ["limit", "0"], ["limit", "1"], ["limit", "2"], ["LIMIT", "100"])
    ],
)

STORES = [
    f"{name} dst {keys}{options}"
    for keys in KEYS
    for name, options in (
        ("zunionstore", ""),
        ("zinterstore", ""),
        ("zdiffstore", ""),
        ("zunionstore", " aggregate max"),
        ("zinterstore", " aggregate min"),
    )
]
twice(
    "storing",
    [
        command
        for store in STORES
        for command in (
            store.split(),
            ["zrange", "dst", "0", "-1", "withscores"],
            ["object", "encoding", "dst"],
        )
    ],
)

twice(
    "storing over what is there",
    case(
        """
expire a 1000
zunionstore a 2 a b
ttl a
zrange a 0 -1 withscores
zinterstore a 2 a b weights 2 3
zrange a 0 -1 withscores
zdiffstore a 2 a none
zrange a 0 -1 withscores
zdiffstore b 2 b b
exists b
zunionstore str 1 c
type str
zinterstore c 2 c none
exists c
zinterstore c 2 c none
zunionstore s 1 s
type s
zrange s 0 -1 withscores
"""
    ),
)

twice(
    "mistakes",
    [
        command
        for name, head, tail in (
            ("zunion", "", ""),
            ("zinter", "", ""),
            ("zdiff", "", ""),
            ("zintercard", "", ""),
            ("zunionstore", "dst ", ""),
            ("zinterstore", "dst ", ""),
            ("zdiffstore", "dst ", ""),
        )
        for command in case(
            f"""
{name} {head}0 a
{name} {head}-1 a
{name} {head}x a
{name} {head}1.5 a
{name} {head}2 a
{name} {head}99999999999 a
{name} {head}9223372036854775807 a
{name} {head}99999999999999999999 a
{name} {head}1 str
{name} {head}2 a str
{name} {head}2 none str
{name} {head}1 a b
{name} {head}1 a weights
{name} {head}2 a b weights 1
{name} {head}2 a b weights 1 x
{name} {head}2 a b weights 1 nan
{name} {head}2 a b weights 1 2 3
{name} {head}2 a b weights 1 2 weights 3 4
{name} {head}1 a aggregate
{name} {head}1 a aggregate avg
{name} {head}1 a aggregate sum
{name} {head}1 a aggregate sum aggregate max
{name} {head}1 a withscores
{name} {head}1 a withscores withscores
{name} {head}1 a withscore
{name} {head}1 a limit
{name} {head}1 a limit 1
{name} {head}1 a limit -1
{name} {head}1 a limit x
{name} {head}1 a limit 1 limit 2
{name} {head}1 str nonsense
{name} {head}1 a nonsense
{name} {head}1
{name}
"""
        )
    ]
    + case("exists dst"),
)

CASES["many members"] = [
    ["zadd", "p", *[word for n in range(600) for word in (str(n), f"m{n}")]],
    ["zadd", "q", *[word for n in range(300, 900) for word in (str(n * 0.5), f"m{n}")]],
    ["sadd", "r", *[f"m{n}" for n in range(0, 900, 2)]],
] + case(
    """
zunionstore d 3 p q r weights 1 2 0.1
zcard d
object encoding d
zrange d 0 -1 withscores
zinterstore d 3 p q r
zcard d
object encoding d
zrange d 0 -1 withscores
zdiffstore d 2 p r
zrange d 0 -1 withscores
zdiffstore d 3 p q r
object encoding d
zrange d 0 -1 withscores
zinter 3 p q r withscores
zintercard 3 p q r
zintercard 3 p q r limit 17
zrangestore e p 10 130
object encoding e
zrangestore e p 10 137
object encoding e
zrangestore e p 10 138
object encoding e
zunion 2 p q aggregate max
"""
)

# ---- a difference from many ----

CASES["difference from many small ones"] = [
    ["ZADD", "a", *[word for n in range(300) for word in (str(n % 7), f"member:{n}")]],
    ["SADD", "s", "1", "2", "member:5"],
    *[["ZADD", f"z{i}", "1", f"member:{7 * i}", "2", "nowhere", "3", str(i)] for i in range(20)],
    ["ZDIFF", "23", "a", *[f"z{i}" for i in range(20)], "s", "none", "WITHSCORES"],
    ["ZDIFFSTORE", "a", "21", "a", *[f"z{i}" for i in range(20)]],
    ["ZRANGE", "a", "0", "-1", "WITHSCORES"],
    ["ZDIFF", "4", "a", "none", "none", "none"],
    ["ZDIFF", "6", "none", "a", "none", "none", "s", "s"],
    ["ZDIFF", "6", "s", "a", "none", "none", "z3", "z3", "WITHSCORES"],
]
