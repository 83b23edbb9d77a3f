"""Ranges of sorted sets: ZRANGE and its relatives, ZRANGESTORE, ZCOUNT, ZLEXCOUNT, ZREMRANGEBY*, every option and mistake.

Each case runs twice: in a listpack, and with zset-max-listpack-entries 0 in the other encoding.
"""
from casetext import MAX, MIN, case

CASES = {}

FILL = [
    "zadd",
    "z",
    "1",
    "a",
    "2",
    "b",
    "2",
    "c",
    "2.5",
    "d",
    "3",
    "e",
    "-inf",
    "low",
    "inf",
    "high",
    "-1",
    "m",
]
LEX = ["zadd", "l", "0", "a", "0", "aa", "0", "b", "0", "c", "0", "cc", "0", "d", "0", "5", "0", ""]


def twice(name, commands):
    limit = ["config", "set", "zset-max-listpack-entries"]
    CASES[f"{name}, small"] = [[*limit, "128"], FILL, LEX, *commands]
    CASES[f"{name}, large"] = [[*limit, "0"], FILL, LEX, *commands, [*limit, "128"]]


RANKS = [
    "0 -1",
    "0 0",
    "1 3",
    "-3 -1",
    "-100 100",
    "5 2",
    "7 7",
    "8 9",
    "100 200",
    "-1 -2",
    "-200 -100",
    "-9 0",
    f"{MIN} {MAX}",
    f"{MAX} {MAX}",
]
SCORES = [
    "-inf +inf",
    "-inf inf",
    "1 2",
    "(1 2",
    "1 (2",
    "(1 (2",
    "2 2",
    "(2 2",
    "2 (2",
    "3 1",
    "2.5 2.5",
    "2.4 2.6",
    "(inf inf",
    "(-inf inf",
    "(-inf (inf",
    "-inf -inf",
    "inf inf",
    "0x1 0x2",
    "1e0 2e0",
    "100 200",
    "-100 -50",
]
SLOPPY = [
    '"" 2',
    "( 2",
    '" 1" 2',
    '"1 " 2',
    "nan 2",
    "1 x",
    "x 1",
    "[1 2",
    "1 (x",
    "((1 2",
    "1e400 2",
    "- +",
    "(nan 1",
]
LEXES = [
    "- +",
    "+ -",
    "[a [c",
    "(a [c",
    "[a (c",
    "(a (c",
    "[b [b",
    "(b [b",
    "[b (b",
    "[aa +",
    "- (aa",
    "[d [a",
    "[x +",
    "- [",
    "[ [",
    "( +",
    "(5 [a",
    "+ +",
    "- -",
    "[ab [bz",
]
BAD_LEXES = ["a c", "[a c", "a [c", "-x +", "- +x", '"" [a', '[a ""', "1 2", "-1 [a"]

twice(
    "by rank",
    [
        [command, "z", *ranks.split(), *more]
        for ranks in RANKS
        for command in ("zrange", "zrevrange")
        for more in ([], ["withscores"])
    ]
    + [["zrange", "z", *ranks.split(), "rev", "withscores"] for ranks in RANKS]
    + case(
        """
zrange z x 1
zrange z 0 y
zrange z 1.5 2
zrange z 0
zrange z 0 1 nonsense
zrange z 0 1 limit 0 1
zrange z 0 1 limit 0 -1
zrange z 0 1 limit 0
zrange z 0 1 limit x 1
zrange z 0 1 limit 0 y
zrange z 0 1 WITHSCORES WithScores
zrange z 0 1 rev rev
zrange z 0 -1 rev REV
zrange z 0 1 rev withscores
zrevrange z 0 1 rev
zrevrange z 0 1 byscore
zrevrange z 0 1 limit 0 1
zrange none 0 -1
zrange none 0 -1 withscores
zrange none x y
zrevrange none 0 -1
set str v
zrange str 0 -1
zrange str x y
zrevrange str 0 -1
zrange z 0 -1 byrank
"""
    ),
)

twice(
    "by score",
    [
        command.split()
        for scores in SCORES
        for command in (
            f"zrangebyscore z {scores}",
            f"zrangebyscore z {scores} withscores",
            f"zcount z {scores}",
            f"zrange z {scores} byscore",
            f"zrange z {scores} byscore rev withscores",
        )
    ]
    + [
        ["zrevrangebyscore", "z", *reversed(scores.split()), *more]
        for scores in SCORES
        for more in ([], ["withscores"])
    ]
    + [
        command
        for scores in SLOPPY
        for command in case(
            f"zrangebyscore z {scores}\nzcount z {scores}\nzrevrangebyscore z {scores}\nzrange z {scores} byscore"
        )
    ]
    + [
        [*f"zrangebyscore z -inf inf limit {skip} {count}".split(), *more]
        for skip in (0, 1, 3, 7, 8, 100, -1, MAX)
        for count in (0, 1, 2, 100, -1, -5, MAX)
        for more in ([], ["withscores"])
    ]
    + [
        f"zrevrangebyscore z inf -inf limit {skip} {count}".split()
        for skip in (0, 1, 7, 8, -1)
        for count in (0, 1, 100, -1)
    ]
    + case(
        """
zrangebyscore z 1 2 limit 0
zrangebyscore z 1 2 limit
zrangebyscore z 1 2 limit x 1
zrangebyscore z 1 2 limit 0 x
zrangebyscore z 1 2 limit 1 1 limit 0 1
zrangebyscore z 1 2 withscores limit 0 1
zrangebyscore z 1 2 limit 0 1 withscores
zrangebyscore z 1 2 rev
zrangebyscore z 1 2 byscore
zrangebyscore z 1 2 nonsense
zrangebyscore z 1
zrange z 1 2 byscore bylex
zrange z 1 2 byscore byscore
zrange z 1 2 byscore limit 1 1
zrange z 2 1 byscore rev limit 0 1
zrange z 1 2 byscore limit 0 1 withscores
zrangebyscore none 1 2
zrangebyscore none x y
zcount none 1 2
zcount none x y
zcount z 1
set str v
zrangebyscore str 1 2
zrangebyscore str x 2
zcount str 1 2
zcount str x 2
zrange str 1 2 byscore
""",
        ["zcount", "z", "1\0x", "2"],
        ["zcount", "z", "0" * 400 + "1", "2"],
    ),
)

twice(
    "by lex",
    [
        command.split()
        for lex in LEXES
        for command in (
            f"zrangebylex l {lex}",
            f"zlexcount l {lex}",
            f"zrange l {lex} bylex",
            f"zrange l {lex} bylex rev",
        )
    ]
    + [["zrevrangebylex", "l", *reversed(lex.split())] for lex in LEXES]
    + [
        command
        for lex in BAD_LEXES
        for command in case(
            f"zrangebylex l {lex}\nzlexcount l {lex}\nzrevrangebylex l {lex}\nzrange l {lex} bylex"
        )
    ]
    + [
        f"zrangebylex l - + limit {skip} {count}".split()
        for skip in (0, 1, 7, 8, 9, -1)
        for count in (0, 1, 2, 100, -1)
    ]
    + [
        f"zrevrangebylex l + - limit {skip} {count}".split()
        for skip in (0, 1, 7, 8, -1)
        for count in (0, 1, 100, -1)
    ]
    + case(
        """
zrangebylex l - + withscores
zrange l - + bylex withscores
zrange l - + bylex limit 1 2
zrange l + - bylex rev limit 1 2
zrangebylex l - + bylex
zrangebylex l - + nonsense
zrangebylex l -
zrangebylex none - +
zrangebylex none x y
zlexcount none - +
zlexcount none x y
set str v
zrangebylex str - +
zlexcount str - +
zlexcount str x y
zrange str - + bylex
""",
        ["zlexcount", "l", "-\0x", "+"],
        ["zlexcount", "l", "[a\0", "+"],
    ),
)

twice(
    "zrangestore",
    case(
        """
zrangestore d z 0 -1
zrange d 0 -1 withscores
object encoding d
zrangestore d z 1 2 rev
zrange d 0 -1 withscores
zrangestore d z (1 inf byscore
zrange d 0 -1 withscores
zrangestore d z inf (1 byscore rev limit 1 2
zrange d 0 -1 withscores
zrangestore d l [a (c bylex
zrange d 0 -1 withscores
zrangestore d l (c [a bylex rev limit 0 1
zrange d 0 -1 withscores
expire d 100
zrangestore d z 0 2
ttl d
zrangestore d z 5 2
exists d
zrangestore d z 100 200
zadd d 1 x
zrangestore d none 0 -1
exists d
zrangestore d none 0 -1
set d v
zrangestore d z 0 1
type d
zrangestore z z 2 4
zrange z 0 -1 withscores
set str v
zrangestore d str 0 -1
type d
zrangestore str z 0 -1
type str
zrangestore d z 0 -1 withscores
zrangestore d z 0 -1 limit 0 1
zrangestore d z 0 -1 nonsense
zrangestore d z x 1
zrangestore d z 1 x byscore
zrangestore d z 1 x bylex
zrangestore d z 0
"""
    ),
)

REMOVALS = (
    [
        ("zremrangebyrank", "z", ranks)
        for ranks in ("0 0", "1 3", "-2 -1", "5 2", "100 200", "-100 -50", "0 -1", "-100 100")
    ]
    + [
        ("zremrangebyscore", "z", scores)
        for scores in ("1 2", "(1 2", "1 (2", "(2 2", "5 6", "-inf inf", "-inf (1", "(2 inf")
    ]
    + [("zremrangebylex", "l", lex) for lex in ("[a [c", "(a (c", "- (b", "(b +", "- +", "[x [z", "+ -")]
)
twice(
    "removing",
    [
        command
        for name, key, bounds in REMOVALS
        for command in (
            ["del", "z", "l"],
            FILL,
            LEX,
            [name, key, *bounds.split()],
            ["zrange", key, "0", "-1", "withscores"],
            ["exists", key],
        )
    ]
    + case(
        """
zremrangebyrank none 0 -1
zremrangebyscore none 0 1
zremrangebylex none - +
zremrangebyrank none x 1
zremrangebyrank none 0 y
zremrangebyscore none x 1
zremrangebyscore none 1 y
zremrangebylex none x +
zremrangebylex none - y
zremrangebyrank none 0
zremrangebyscore none 0 1 2
set str v
zremrangebyrank str 0 -1
zremrangebyscore str 0 1
zremrangebylex str - +
zremrangebyrank str x 1
"""
    ),
)

# Where scores differ a range by lex means nothing; a listpack is walked from one end, and shows it.
CASES["by lex where scores differ"] = case(
    """
config set zset-max-listpack-entries 128
zadd z 1 c 2 a 3 d 4 b 5 e
zrangebylex z [b [d
zrangebylex z - [c
zrangebylex z [c +
zrevrangebylex z [d [b
zrevrangebylex z [c -
zrevrangebylex z + [c
zlexcount z [b [d
zlexcount z - [d
zlexcount z [a [b
zremrangebylex z [b [c
zrange z 0 -1
"""
)
