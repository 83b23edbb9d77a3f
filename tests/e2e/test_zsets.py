"""Large sorted sets: pipelines that change and rank members, scans while a set changes, chance, freeing; and what 7.2 added."""
import random

from compare import Pair
from harness import equal, eventually, only, slow, timeout

KEYS = ["{t}a", "{t}b", "{t}c", "other"]


def _score(rng):
    return rng.choice(
        (
            str(rng.randrange(50)),
            str(rng.randrange(100000)),
            f"{rng.uniform(-1000, 1000):.3f}",
            repr(rng.random()),
        )
    )


def _member(rng):
    return f"member:{rng.randrange(4000)}"


def _bounds(rng):
    low = rng.randrange(-1000, 60000)
    return rng.choice(("", "(")) + str(low), rng.choice(("", "(")) + str(low + rng.randrange(2000))


def _command(rng):
    """Mostly single members of a few large sets; now and then ranges of them, and the sets themselves."""
    key, draw, rank = rng.choice(KEYS), rng.random(), rng.randrange(4000)
    if draw < 0.35:
        pairs = [word for _ in range(rng.choice((1, 1, 1, 4))) for word in (_score(rng), _member(rng))]
        return ["ZADD", key, *rng.choice(([], [], ["GT"], ["LT", "CH"], ["XX"], ["NX"])), *pairs]
    if draw < 0.80:
        member = _member(rng)
        return rng.choice(
            (
                ["ZINCRBY", key, rng.choice(("1", "-1", "0.5", "10000")), member],
                ["ZREM", key, member, _member(rng)],
                ["ZRANK", key, member],
                ["ZREVRANK", key, member],
                ["ZSCORE", key, member],
                ["ZPOPMIN", key],
                ["ZPOPMAX", key, "3"],
                ["ZCARD", key],
            )
        )
    if draw < 0.95:
        low, high = _bounds(rng)
        return rng.choice(
            (
                ["ZRANGE", key, str(rank), str(rank + 20), "WITHSCORES"],
                ["ZRANGE", key, str(-rank), str(-rank + 20), "REV"],
                ["ZCOUNT", key, low, high],
                ["ZRANGE", key, low, high, "BYSCORE", "LIMIT", "5", "10"],
                ["ZREVRANGEBYSCORE", key, high, low, "WITHSCORES", "LIMIT", "3", "10"],
                ["ZREMRANGEBYRANK", key, str(rank), str(rank + rng.choice((0, 3, 100)))],
                ["ZREMRANGEBYSCORE", key, low, low.lstrip("(")],
            )
        )
    return rng.choice(
        (
            [
                "ZADD",
                key,
                *[word for n in range(rank, rank + 500) for word in (str(n * 7 % 3001), f"member:{n}")],
            ],
            ["RENAME", key, rng.choice(KEYS)],
            ["COPY", key, rng.choice(KEYS), "REPLACE"],
            ["ZUNIONSTORE", key, "2", *rng.sample(KEYS, 2), "AGGREGATE", rng.choice(("SUM", "MIN", "MAX"))],
            ["ZRANGESTORE", key, rng.choice(KEYS), "0", "2500"],
            ["ZDIFF", "2", *rng.sample(KEYS, 2), "WITHSCORES"],
            ["ZINTERCARD", "2", *rng.sample(KEYS, 2)],
            ["DEL", key],
        )
    )


@timeout(120)
def test_pipelines_on_large_sorted_sets(ctx):
    pair = Pair(ctx)
    for round_number in range(ctx.scaled(12)):
        rng = random.Random(ctx.seed + round_number)
        pair.reset(2 + round_number % 2)
        commands = [
            ["ZADD", key, *[word for n in range(0, 4000, step) for word in (_score(rng), f"member:{n}")]]
            for step, key in enumerate(KEYS, 1)
        ]
        commands += [_command(rng) for _ in range(3000)]
        commands += [["ZRANGE", key, "0", "-1", "WITHSCORES"] for key in KEYS]
        problem = pair.difference(commands, rng.choice((2, 16, 100, 300)))
        assert problem is None, f"seed {ctx.seed + round_number}: {problem}"


@timeout(60)
def test_ranges_by_lex_of_large_sets(ctx):
    pair = Pair(ctx)
    rng = random.Random(ctx.seed)
    pair.reset()

    def text():
        return "".join(rng.choice("abc") for _ in range(rng.randrange(9)))

    def bound():
        return rng.choice(("-", "+", *["[" + text(), "(" + text()] * 5))

    commands = [["ZADD", "z", *[word for _ in range(3000) for word in ("0", text())]]]
    for _ in range(ctx.scaled(2000)):
        low, high = bound(), bound()
        name = rng.choice(("ZLEXCOUNT", "ZRANGEBYLEX", "ZREVRANGEBYLEX", "ZRANGEBYLEX"))
        limit = ["LIMIT", str(rng.randrange(50)), str(rng.randrange(20))] if name != "ZLEXCOUNT" else []
        commands.append([name, "z", low, high, *limit])
    commands += [["ZREMRANGEBYLEX", "z", "[ab" + text(), "(ac"], ["ZRANGE", "z", "0", "-1"]]
    problem = pair.difference(commands, 50)
    assert problem is None, f"seed {ctx.seed}: {problem}"


@timeout(60)
def test_scan_returns_what_stays(ctx):
    client = ctx.server().client()
    stay = [f"stay:{n}" for n in range(3000)]
    client("ZADD", "z", *[word for n, member in enumerate(stay) for word in (str(n), member)])
    rng, cursor, found, calls = random.Random(ctx.seed), b"0", {}, 0
    while True:
        cursor, items = client("ZSCAN", "z", cursor, "COUNT", 20)
        found.update(zip(items[::2], items[1::2]))
        others = [f"go:{rng.randrange(20000)}" for _ in range(300)]
        if calls // 40 % 2 == 0:
            client("ZADD", "z", *[word for member in others for word in ("7", member)])
        else:
            client("ZREM", "z", *others)
        calls += 1
        if cursor == b"0":
            break
        assert calls < 100_000
    for n, member in enumerate(stay):
        equal(found.get(member.encode()), str(n).encode())


@timeout(60)
def test_draws_are_members(ctx):
    client = ctx.server().client()
    scores = {f"member:{n}".encode(): str(n).encode() for n in range(5000)}
    client("ZADD", "z", *[word for member, score in scores.items() for word in (score, member)])
    for count in (1, 10, 1000, 2500, 4999, 5000, 9999):
        drawn = client("ZRANDMEMBER", "z", count, "WITHSCORES")
        equal(len(drawn), 2 * min(count, 5000))
        equal(len(set(drawn[::2])), min(count, 5000))
        assert all(scores[member] == score for member, score in zip(drawn[::2], drawn[1::2]))
    drawn = client("ZRANDMEMBER", "z", -20000)
    equal(len(drawn), 20000)
    assert 4800 < len(set(drawn)) <= 5000  # 4908 are expected
    assert client("ZRANDMEMBER", "z") in scores


@timeout(30)
@only("gyre")
def test_rank_with_score(ctx):
    for protocol, score in ((2, b"2.5"), (3, 2.5)):
        client = ctx.server().client()
        client("HELLO", protocol)
        client("ZADD", "z", 1, "a", 2.5, "b", 3, "c")
        equal(client("ZRANK", "z", "b", "WITHSCORE"), [1, score])
        equal(client("ZREVRANK", "z", "b", "withscore"), [1, score])
        equal(client("ZRANK", "z", "x", "WITHSCORE"), None)
        equal(client("ZRANK", "nokey", "x", "WITHSCORE"), None)
    client.send(b"*4\r\n$5\r\nZRANK\r\n$5\r\nnokey\r\n$1\r\nx\r\n$9\r\nWITHSCORE\r\n")
    equal(client.raw(), b"_\r\n")
    client("HELLO", 2)
    client.send(b"*4\r\n$5\r\nZRANK\r\n$5\r\nnokey\r\n$1\r\nx\r\n$9\r\nWITHSCORE\r\n")
    equal(client.raw(), b"*-1\r\n")


def _field(text, name):
    return int(next(line for line in text.decode().splitlines() if line.startswith(name + ":")).split(":")[1])


@timeout(60)
@only("gyre")
@slow
def test_large_sorted_sets_are_freed_after_the_command(ctx):
    """However a large sorted set loses its key: its memory waits for the thread's spare time."""
    client = ctx.server("--shards", "1").client()
    many = [word for n in range(100000) for word in (str(n), f"member:{n}")]  # some 8 MB
    for ways in (
        ["DEL", "z"],
        ["SET", "z", "x"],
        ["ZPOPMIN", "z", "200000"],
        ["ZREMRANGEBYRANK", "z", "0", "-1"],
        ["ZREMRANGEBYSCORE", "z", "-inf", "inf"],
        ["ZUNIONSTORE", "z", "1", "few"],
        ["ZRANGESTORE", "z", "few", "0", "-1"],
        ["PEXPIRE", "z", "-1"],
        ["FLUSHALL"],
    ):
        client("FLUSHALL", "SYNC")
        client("ZADD", "few", "1", "a", "2", "b")
        eventually(lambda: _field(client("INFO", "memory"), "lazyfree_pending_objects") == 0)
        before = _field(client("INFO", "memory"), "used_memory")
        client("ZADD", "z", *many)
        for words in (["MULTI"], ways, ["INFO", "memory"]):
            client(*words)
        info = client("EXEC")[1]
        assert _field(info, "lazyfree_pending_objects") == 1 or ways == ["FLUSHALL"], ways
        eventually(lambda: _field(client("INFO", "memory"), "lazyfree_pending_objects") == 0)
        # The stock of reply chunks may have grown.
        eventually(
            lambda: _field(client("INFO", "memory"), "used_memory") < before + 2_000_000,
            what=f"memory after {ways}",
        )


def test_removing_ranges_that_leave_little(ctx):
    """What stays is as if the rest had never been, and what was taken is freed."""
    replies = []
    for client in (ctx.client(), ctx.oracle().client()):
        own = []
        ranges = (("RANK", "5", "3994"), ("RANK", "0", "-2"), ("SCORE", "(10", "+inf"), ("SCORE", "-inf", "3000"), ("LEX", "-", "+"), ("RANK", "0", "-1"))
        for turn, (by, low, high) in enumerate(ranges):
            score = "1" if turn == 4 else "%d"
            client("ZADD", "key", *(word for i in range(4000) for word in (score.replace("%d", str(i)), f"member:{i}")))
            own += [client("PEXPIREAT", "key", "33177117420000"), client(f"ZREMRANGEBY{by}", "key", low, high)]
            own += [client("ZRANGE", "key", "0", "-1", "WITHSCORES"), client("PTTL", "key") > 0, client("OBJECT", "ENCODING", "key")]
            own += [client("ZADD", "key", "7.5", "member:7"), client("ZRANK", "key", "member:7"), client("ZCARD", "key")]
            own += [sorted(client("ZSCAN", "key", "0", "COUNT", "5000")[1]), client("DEL", "key")]
        replies.append(own)
    equal(*replies)
