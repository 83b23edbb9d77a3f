"""Large sets: pipelines that look members up side by side, scans while a set changes, chance, freeing."""
import random

from compare import Pair
from harness import eventually, only, slow, timeout

KEYS = ["{t}a", "{t}b", "{t}c", "other"]


def _command(rng):
    """Mostly single members of a few large sets; now and then the sets themselves come, go and change places."""
    key, draw = rng.choice(KEYS), rng.random()
    members = [f"member:{rng.randrange(6000)}" for _ in range(rng.choice((1, 1, 1, 3)))]
    if draw < 0.90:
        return [rng.choice(("SADD", "SREM", "SISMEMBER", "SMISMEMBER")), key] + members[: None if rng.random() < 0.5 else 1]
    if draw < 0.94:
        low = rng.randrange(5000)
        return ["SADD", key, *[f"member:{n}" for n in range(low, low + 1000)]]
    if draw < 0.96:
        return ["RENAME", key, rng.choice(KEYS)]
    if draw < 0.98:
        return ["SELECT", rng.choice("01")]
    return rng.choice((["DEL", key], ["SET", key, "text"], ["COPY", key, rng.choice(KEYS), "REPLACE"], ["SADD", key], ["SREM"],
                       ["SUNIONSTORE", key, *KEYS], ["UNLINK", key], ["SCARD", key]))


@timeout(120)
def test_pipelines_on_large_sets(ctx):
    pair = Pair(ctx)
    for round_number in range(ctx.scaled(12)):
        rng = random.Random(ctx.seed + round_number)
        pair.reset(2)
        commands = [["SADD", key, *[f"member:{n}" for n in range(0, 6000, step)]] for step, key in enumerate(KEYS, 1)]
        commands += [_command(rng) for _ in range(3000)]
        commands += [["SELECT", database] if key is None else ["SMEMBERS", key] for database in "01" for key in (None, *KEYS)]
        problem = pair.difference(commands, rng.choice((2, 16, 100, 300)))
        assert problem is None, f"seed {ctx.seed + round_number}: {problem}"


@timeout(60)
def test_scan_returns_what_stays(ctx):
    client = ctx.server().client()
    stay = [f"stay:{n}" for n in range(3000)]
    client("SADD", "s", *stay)
    rng, cursor, found, calls = random.Random(ctx.seed), b"0", set(), 0
    while True:
        cursor, members = client("SSCAN", "s", cursor, "COUNT", 20)
        found.update(members)
        grows = calls // 40 % 2 == 0
        client("SADD" if grows else "SREM", "s", *[f"go:{rng.randrange(20000)}" for _ in range(300)])
        calls += 1
        if cursor == b"0":
            break
        assert calls < 100_000
    assert set(member.encode() for member in stay) <= found


@timeout(60)
def test_spop_takes_each_member_once(ctx):
    client = ctx.server().client()
    members = {f"member:{n}".encode() for n in range(20000)}
    client("SADD", "s", *members)
    taken = []
    while len(taken) < len(members):
        assert client("SCARD", "s") == len(members) - len(taken)
        taken += client("SPOP", "s", 1500) if len(taken) % 2 == 0 else [client("SPOP", "s")]
    assert client("EXISTS", "s") == 0
    assert len(taken) == len(members) and set(taken) == members


@timeout(120)
def test_samples_are_fair(ctx):
    """Each member of a large set is as likely: chi squared over 100 groups of members, far beyond what chance gives."""
    client = ctx.server().client()
    client("SADD", "s", *[str(n) + "x" for n in range(10000)])
    for arguments, rounds in ((["-2000"], 20), (["500"], 80), (["5000"], 8), (["9000"], 5)):
        groups, total = [0] * 100, 0
        for _ in range(rounds):
            drawn = client("SRANDMEMBER", "s", *arguments)
            assert len(drawn) == abs(int(arguments[0]))
            assert int(arguments[0]) < 0 or len(set(drawn)) == len(drawn)
            for member in drawn:
                groups[int(member[:-1]) % 100] += 1
            total += len(drawn)
        expected = total / 100
        assert sum((n - expected) ** 2 / expected for n in groups) < 99 + 6 * (2 * 99) ** 0.5, (arguments, groups)


def _field(text, name):
    return int(next(line for line in text.decode().splitlines() if line.startswith(name + ":")).split(":")[1])


@timeout(60)
@only("gyre")
@slow
def test_large_sets_are_freed_after_the_command(ctx):
    """However a large set loses its key: its memory waits for the thread's spare time."""
    client = ctx.server("--shards", "1").client()
    many = [f"member:{n}" for n in range(100000)]  # some 4 MB
    for ways in (["DEL", "s"], ["UNLINK", "s"], ["SET", "s", "x"], ["SPOP", "s", "200000"], ["SPOP", "s", "99999"],
                 ["SUNIONSTORE", "s", "few"], ["RENAME", "few", "s"], ["PEXPIRE", "s", "-1"], ["FLUSHALL"]):
        client("FLUSHALL", "SYNC")
        client("SADD", "few", "a", "b")
        eventually(lambda: _field(client("INFO", "memory"), "lazyfree_pending_objects") == 0)
        before = _field(client("INFO", "memory"), "used_memory")
        client("SADD", "s", *many)
        for words in (["MULTI"], ways, ["INFO", "memory"]):
            client(*words)
        info = client("EXEC")[1]
        assert _field(info, "lazyfree_pending_objects") == 1 or ways == ["FLUSHALL"], ways
        eventually(lambda: _field(client("INFO", "memory"), "lazyfree_pending_objects") == 0)
        # The stock of reply chunks may have grown.
        eventually(lambda: _field(client("INFO", "memory"), "used_memory") < before + 2_000_000, what=f"memory after {ways}")
