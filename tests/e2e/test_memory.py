"""MEMORY: the size of a key, the fields of STATS, what PURGE gives back."""
import time

from harness import contains, equal, eventually, only
from resp import Map, Simple


def test_usage_is_the_size_and_a_little_more(ctx):
    client = ctx.client()
    client("SET", "number", "12345")
    assert 30 < client("MEMORY", "USAGE", "number") < 100
    for size in (1, 40, 200, 1000, 5000, 100000, 3000000):
        client("SET", "key", "x" * size)
        usage = client("MEMORY", "USAGE", "key")
        assert size + 20 < usage < size * 1.3 + 120, f"{usage} for {size} bytes"
    client("SET", "k" * 1000, "x")
    assert 1000 < client("MEMORY", "USAGE", "k" * 1000) < 1400


def test_usage_leaves_no_trace(ctx):
    client = ctx.client()
    client("SET", "key", "v")
    client("CONFIG", "RESETSTAT")
    time.sleep(1.2)
    client("MEMORY", "USAGE", "key")
    client("MEMORY", "USAGE", "missing")
    contains(client("INFO", "stats"), b"keyspace_hits:0\r\nkeyspace_misses:0\r\n")
    equal(client("OBJECT", "IDLETIME", "key"), 1)


@only("gyre")
def test_usages_add_up_to_the_dataset(ctx):
    client = ctx.client()
    for i in range(300):
        client("SET", f"key:{i}", "x" * (i * 7))
    usages = sum(client("MEMORY", "USAGE", f"key:{i}") for i in range(300))
    dataset = stats(client)["dataset.bytes"]
    equal(usages - dataset, 300 * 9, "what tables take, at nine bytes a key")


def stats(client):
    reply = client("MEMORY", "STATS")
    pairs = reply if isinstance(reply, Map) else zip(reply[::2], reply[1::2])
    return {name.decode(): value for name, value in pairs}


@only("gyre")
def test_stats_has_the_fields_of_redis(ctx):
    gyre, redis = ctx.client(), ctx.oracle().client()
    for protocol in ("2", "3"):
        for client in (gyre, redis):
            client("FLUSHALL")
            client("HELLO", protocol)
            client("SET", "key", "v")
            client("SELECT", "9")
            client("SET", "key", "v", "EX", "1000")
            client("SELECT", "0")
        ours, theirs = stats(gyre), stats(redis)
        equal(list(ours), list(theirs), "fields and their order")
        equal([type(value) for value in ours.values()], [type(value) for value in theirs.values()])
        for database in ("db.0", "db.9"):
            equal(shape(ours[database]), shape(theirs[database]))
        equal(ours["keys.count"], 2)


def shape(value):
    return [(name, type(content)) for name, content in (value if isinstance(value, Map) else zip(value[::2], value[1::2]))]


def test_reports(ctx):
    client = ctx.client()
    assert len(client("MEMORY", "MALLOC-STATS")) > 20
    assert len(client("MEMORY", "DOCTOR")) > 20
    client("SET", "key", "x" * 20000000)
    assert len(client("MEMORY", "DOCTOR")) > 20


@only("gyre")
def test_memory_purge_reaches_all_threads(ctx):
    if ctx.sanitized:
        ctx.skip("another allocator")
    server = ctx.server("--shards", "4")
    clients = [server.client() for _ in range(4)]
    for number, client in enumerate(clients):
        client("DEBUG", "POPULATE", "30000", f"p{number}", "300")
    full = server.memory()
    clients[0]("FLUSHALL")
    for _ in range(3):
        equal([client("MEMORY", "PURGE") for client in clients], [Simple("OK")] * 4)
        time.sleep(0.2)
    eventually(lambda: clients[0]("MEMORY", "PURGE") and server.memory() < full - 20e6, what="memory given back")
