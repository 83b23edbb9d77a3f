"""Large lists: pipelines that change them everywhere, queues, freeing, values sent from where they lie, SORT across slices."""
import random
import threading
import time

from compare import Pair
from harness import equal, eventually, only, slow, timeout

KEYS = ["{t}a", "{t}b", "{t}c", "other"]
SIDES = ("LEFT", "RIGHT")


def _value(rng):
    if rng.random() < 0.01:
        return rng.choice("xyz") * rng.choice((4000, 8180, 8192, 9000, 16384, 50000))
    return rng.choice((str(rng.randrange(10**6)), "word" * rng.randrange(8), f"element:{rng.randrange(300)}"))


def _command(rng):
    """Mostly the ends of a few large lists; now and then what lies in between, and the lists themselves."""
    key, other, draw, at = rng.choice(KEYS), rng.choice(KEYS), rng.random(), rng.randrange(-4000, 4000)
    if draw < 0.5:
        values = [_value(rng) for _ in range(rng.choice((1, 1, 1, 8)))]
        pop = [rng.choice(("LPOP", "RPOP")), key, *rng.choice(([], [], ["7"]))]
        return rng.choice((["LPUSH", key, *values], ["RPUSH", key, *values], pop))
    if draw < 0.65:
        move = ["LMOVE", key, other, rng.choice(SIDES), rng.choice(SIDES)]
        return rng.choice((move, ["LMPOP", "2", key, other, rng.choice(SIDES)]))
    if draw < 0.98:
        return rng.choice(
            (
                ["LINDEX", key, str(at)],
                ["LRANGE", key, str(at), str(at + rng.randrange(300))],
                ["LSET", key, str(at), _value(rng)],
                ["LINSERT", key, rng.choice(("BEFORE", "AFTER")), f"element:{rng.randrange(300)}", _value(rng)],
                ["LREM", key, rng.choice(("1", "-1", "3")), f"element:{rng.randrange(300)}"],
                ["LPOS", key, f"element:{rng.randrange(300)}", "RANK", rng.choice(("1", "-2", "3"))],
                ["LLEN", key],
            )
        )
    return rng.choice(
        (
            ["LTRIM", key, str(rng.randrange(100)), str(-rng.randrange(1, 100))],
            ["LREM", key, "0", f"element:{rng.randrange(300)}"],
            ["COPY", key, other, "REPLACE"],
            ["RENAME", key, other],
            ["LPOP", key, "1000"],
            ["RPUSH", key, *(_value(rng) for _ in range(1000))],
        )
    )


@timeout(120)
def test_pipelines_on_large_lists(ctx):
    pair = Pair(ctx)
    for round_number in range(ctx.scaled(12)):
        rng = random.Random(ctx.seed + round_number)
        pair.reset(2 + round_number % 2)
        commands = [["CONFIG", "SET", "list-max-listpack-size", rng.choice(("-2", "-2", "-1", "-5", "20"))]]
        commands += [["RPUSH", key, *(_value(rng) for _ in range(2000))] for key in KEYS]
        commands += [_command(rng) for _ in range(3000)]
        commands += [["LRANGE", key, "0", "-1"] for key in KEYS]
        problem = pair.difference(commands, rng.choice((2, 16, 100, 300)))
        assert problem is None, f"seed {ctx.seed + round_number}: {problem}"


@timeout(60)
def test_queues_between_many_clients(ctx):
    """What several clients push comes out once, in the order of each, through a second list."""
    server = ctx.server("--shards", "2")
    count, writers = ctx.scaled(3000), 3

    def write(number):
        client = server.client()
        for n in range(count):
            client("LPUSH", "in", f"{number}:{n}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    client, seen = server.client(), []
    while len(seen) < count * writers:
        if client("LMOVE", "in", "out", "RIGHT", "LEFT") is not None:
            seen.append(client("RPOP", "out"))
    for thread in threads:
        thread.join()
    for number in range(writers):
        own = [value for value in seen if value.startswith(b"%d:" % number)]
        equal(own, [b"%d:%d" % (number, n) for n in range(count)])
    equal(client("EXISTS", "in", "out"), 0)


def _field(text, name):
    return int(next(line for line in text.decode().splitlines() if line.startswith(name + ":")).split(":")[1])


def _pending(client):
    return _field(client("INFO", "memory"), "lazyfree_pending_objects")


@timeout(120)
@only("gyre")
@slow
def test_large_lists_are_freed_after_the_command(ctx):
    """However a large list loses its key or its elements: their memory waits for the thread's spare time."""
    client = ctx.server("--shards", "1").client()
    ways = (["DEL", "l"], ["SET", "l", "x"], ["LTRIM", "l", "10", "20"], ["LTRIM", "l", "1", "0"], ["LPOP", "l", "390000"],
            ["RPOP", "l", "500000"], ["RENAME", "few", "l"], ["SORT", "few", "STORE", "l"], ["PEXPIRE", "l", "-1"])
    for way in ways:
        client("FLUSHALL", "SYNC")
        client("RPUSH", "few", "1", "2")
        eventually(lambda: _pending(client) == 0)
        before = _field(client("INFO", "memory"), "used_memory")
        client("RPUSH", "l", *(f"element:{n}" for n in range(400_000)))  # some 6 MB
        for words in (["MULTI"], way, ["INFO", "memory"]):
            client(*words)
        assert _field(client("EXEC")[1], "lazyfree_pending_objects") >= 1, way
        eventually(lambda: _pending(client) == 0)
        eventually(lambda: _field(client("INFO", "memory"), "used_memory") - before < 2_000_000, what=f"memory given back after {way}")


@timeout(60)
def test_a_large_value_outlives_its_list(ctx):
    """It is sent from where it lies, while the list has forgotten it."""
    server = ctx.server()
    client = server.client()
    values = [bytes([n]) * 3_000_000 for n in range(8)]
    client("RPUSH", "k", *values)
    commands = [["LRANGE", "k", "0", "-1"], ["LPOP", "k", "4"], ["LSET", "k", "0", "x"], ["DEL", "k"], ["LLEN", "k"]]
    for command in commands:
        client.send_command(*command)
    time.sleep(0.2)
    equal(client.read(), values)
    equal(client.read(), values[:4])
    equal([client.read() for _ in range(3)], ["OK", 1, 0])


@timeout(60)
def test_sort_sees_one_instant(ctx):
    """BY and GET read keys of many slices while a transaction changes them all: never some old and some new."""
    server = ctx.server("--shards", "2")
    client, names = server.client(), [f"n{i}" for i in range(20)]
    client("RPUSH", "l", *names)
    client("MSET", *(word for name in names for word in (f"v:{name}", "0")))
    done = threading.Event()

    def change():
        writer, n = server.client(), 0
        while not done.is_set():
            n += 1
            writer("MSET", *(word for name in names for word in (f"v:{name}", str(n))))

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(ctx.scaled(1500)):
            got = client("SORT", "l", "BY", "v:*", "GET", "v:*")
            assert len(set(got)) == 1, got
    finally:
        done.set()
        thread.join()
