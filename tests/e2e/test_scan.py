"""SCAN's promise, RANDOMKEY's fairness, and growing and shrinking under both."""
import collections
import random

from harness import equal, timeout
from resp import Error


def scan(client, *options, start=b"0"):
    """All that a full iteration returns, with repetitions, and how many calls it took."""
    cursor, found, calls = start, [], 0
    while True:
        cursor, keys = client("SCAN", cursor, *options)
        found += keys
        calls += 1
        assert calls < 100000, "SCAN goes round in circles"
        if cursor == b"0":
            return found, calls


def populate(client, count, prefix="key"):
    for at in range(0, count, 5000):
        client("MSET", *[word for i in range(at, min(at + 5000, count)) for word in (f"{prefix}:{i}", "v")])
    return {f"{prefix}:{i}".encode() for i in range(count)}


def test_full_iteration_returns_everything_once(ctx):
    client = ctx.client()
    for count in (0, 1, 2, 10, 100, 1000, 20000):
        client("FLUSHALL")
        names = populate(client, count)
        found, _ = scan(client, "COUNT", 100)
        equal(set(found), names)
        assert len(found) <= len(names) * 1.1 + 1, "without changes, repetitions should be rare"


def test_count_bounds_the_work(ctx):
    client = ctx.client()
    names = populate(client, 5000)
    _, few = scan(client, "COUNT", 10)
    _, many = scan(client, "COUNT", 1000)
    assert few > 100 and many < few / 10, f"{few} calls with COUNT 10, {many} with COUNT 1000"
    found, _ = scan(client)
    equal(set(found), names)


@timeout(120)
def test_growing_and_shrinking_meanwhile(ctx):
    """Between two calls keys are added or removed in such numbers that every table resizes several times."""
    rng = random.Random(ctx.seed)
    client = ctx.client()
    stays = populate(client, 2000, "stay")
    for round_number in range(ctx.scaled(6)):
        cursor, found, others = b"0", set(), round_number % 2 * 60000
        populate(client, others, "other")
        while True:
            cursor, keys = client("SCAN", cursor, "COUNT", rng.choice((1, 10, 50, 200)))
            found |= set(keys)
            if cursor == b"0":
                break
            if round_number % 2 == 0 and others < 60000:
                client("MSET", *[word for i in range(others, others + 3000) for word in (f"other:{i}", "v")])
                others += 3000
            elif round_number % 2 and others > 0:
                client("DEL", *[f"other:{i}" for i in range(others - 3000, others)])
                others -= 3000
        equal(stays - found, set(), "keys that were there all the time")
        client("DEL", *[f"other:{i}" for i in range(60000)])


def test_databases_are_apart(ctx):
    client = ctx.client()
    names = populate(client, 500)
    client("SELECT", 7)
    others = populate(client, 300, "seven")
    equal(set(scan(client)[0]), others)
    client("SELECT", 0)
    equal(set(scan(client)[0]), names)
    client("SWAPDB", 0, 7)
    equal(set(scan(client)[0]), others)


def test_match_and_type(ctx):
    client = ctx.client()
    names = populate(client, 1000)
    equal(set(scan(client, "MATCH", "key:1?")[0]), {f"key:1{i}".encode() for i in range(10)})
    equal(set(scan(client, "TYPE", "string")[0]), names)
    equal(scan(client, "TYPE", "hash")[0], [])


def test_odd_cursors(ctx):
    client = ctx.client()
    populate(client, 1000)
    for cursor in ("18446744073709551615", "12345678901234567890", "1", "9223372036854775808", "4611686018427387904"):
        reply = client("SCAN", cursor, "COUNT", "10")
        equal(isinstance(reply, list), True, f"SCAN {cursor}: {reply!r}")
        scan(client, start=reply[0] if reply[0] != b"0" else b"0")
    for cursor in ("abc", "1.5", "99999999999999999999999"):
        equal(client("SCAN", cursor), Error("ERR invalid cursor"), cursor)


@timeout(60)
def test_randomkey_is_fair(ctx):
    """Each of 50 keys among 20,000 draws: five standard deviations around 400 leave one false alarm in thousands of runs."""
    client = ctx.client()
    names = populate(client, 50)
    drawn = collections.Counter()
    for _ in range(20):
        drawn.update(client.pipeline([["RANDOMKEY"]] * 1000))
    equal(set(drawn), names)
    # Redis's own choice by bucket is lopsided; half to double the fair share is what all can be held to.
    assert min(drawn.values()) > 130 and max(drawn.values()) < 1000, f"from {min(drawn.values())} to {max(drawn.values())} times"


def test_keys_in_one_slot(ctx):
    """All in one slice: a hash tag sends them there."""
    client = ctx.client()
    names = {f"{{tag}}:{i}".encode() for i in range(20000)}
    client("MSET", *[word for name in names for word in (name, "v")])
    equal(set(scan(client, "COUNT", 100)[0]), names)
    equal(set(client("KEYS", "*")), names)
    equal(client("RANDOMKEY") in names, True)
    equal(client("DEL", *names), 20000)
    equal(client("DBSIZE"), 0)
