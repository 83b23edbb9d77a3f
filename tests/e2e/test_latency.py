"""LATENCY: the monitor's events, and the histograms of commands."""
import time

from harness import contains, equal, eventually, only
from resp import Map, Simple


def watching(ctx, threshold="10"):
    """A client of a server that watches; commands are compared with the threshold after its next look at the options."""
    client = ctx.server("--latency-monitor-threshold", threshold).client()

    def sees():
        client("DEBUG", "SLEEP", str((int(threshold) + 2) / 1000))
        return client("LATENCY", "LATEST")

    if threshold != "0":
        eventually(sees, what="the first look at the options")
        client("LATENCY", "RESET")
    return client


def test_slow_commands_are_events(ctx):
    client = watching(ctx)
    client("DEBUG", "SLEEP", "0.003")
    equal(client("LATENCY", "LATEST"), [])
    client("DEBUG", "SLEEP", "0.05")
    time.sleep(1.1)
    client("DEBUG", "SLEEP", "0.02")
    name, when, latest, worst = client("LATENCY", "LATEST")[0]
    equal(name, b"command")
    assert abs(when - time.time()) < 3 and 20 <= latest < 50 <= worst < 500, (when, latest, worst)
    history = client("LATENCY", "HISTORY", "command")
    equal([len(sample) for sample in history], [2, 2])
    equal(history[-1], [when, latest])
    equal(max(ms for _, ms in history), worst)
    equal(client("LATENCY", "HISTORY", "COMMAND"), [], "the history of an event by another spelling")


def test_one_sample_a_second(ctx):
    client = watching(ctx)
    for seconds in ("0.012", "0.03", "0.015"):
        client("DEBUG", "SLEEP", seconds)
    history = client("LATENCY", "HISTORY", "command")
    assert len(history) <= 2 and max(ms for _, ms in history) >= 30, history


def test_reset(ctx):
    client = watching(ctx)
    client("DEBUG", "SLEEP", "0.02")
    equal(client("LATENCY", "RESET", "fast-command", "nonsense"), 0)
    equal(client("LATENCY", "RESET", "nonsense", "command"), 1)
    equal(client("LATENCY", "LATEST"), [])
    client("DEBUG", "SLEEP", "0.02")
    equal(client("LATENCY", "RESET"), 1)
    equal(client("LATENCY", "RESET"), 0)


def test_threshold_changes(ctx):
    client = watching(ctx, "0")
    client("DEBUG", "SLEEP", "0.03")
    equal(client("LATENCY", "LATEST"), [])
    client("CONFIG", "SET", "latency-monitor-threshold", "20")
    time.sleep(0.3)
    client("DEBUG", "SLEEP", "0.01")
    equal(client("LATENCY", "LATEST"), [])
    client("DEBUG", "SLEEP", "0.03")
    equal(len(client("LATENCY", "LATEST")), 1)


@only("gyre")
def test_eviction_is_an_event(ctx):
    client = ctx.server("--latency-monitor-threshold", "1", "--maxmemory", "60mb", "--maxmemory-policy", "allkeys-random").client()
    client.pipeline([["DEBUG", "POPULATE", "300000", "key", "100"], ["CONFIG", "SET", "maxmemory", "20mb"]])

    def noted():
        client("SET", "key", "v")
        return [name for name, *_ in client("LATENCY", "LATEST")]

    eventually(lambda: b"eviction-cycle" in noted(), what="the event of an eviction")


def test_graph(ctx):
    client = watching(ctx)
    for seconds in ("0.012", "0.05", "0.025"):
        client("DEBUG", "SLEEP", seconds)
        time.sleep(1.02)
    lines = client("LATENCY", "GRAPH", "command").decode().split("\n")
    contains(lines[0], "command - high 5")
    contains(lines[0], " ms, low 1")
    equal(lines[1], "-" * 80)
    columns = list(zip(*[line.ljust(3) for line in lines[2:6]]))
    samples = len(client("LATENCY", "HISTORY", "command"))
    equal(len([column for column in columns if "".join(column).strip()]), samples)
    assert any("".join(column).startswith("#|||") for column in columns), lines
    equal(lines[6].strip(), "")
    assert set("".join(lines[7:9])) <= set("0123456789s "), lines


def test_doctor(ctx):
    client = watching(ctx, "0")
    contains(client("LATENCY", "DOCTOR"), b"latency-monitor-threshold")
    client("CONFIG", "SET", "latency-monitor-threshold", "10")
    time.sleep(0.3)
    client("DEBUG", "SLEEP", "0.02")
    contains(client("LATENCY", "DOCTOR"), b"1. command: 1 latency spikes (average 2")


def histogram(client, *names):
    """{name: (calls, [(microseconds, calls within), ...])}"""
    reply = client("LATENCY", "HISTOGRAM", *names)
    return {name.decode(): (fields.get(b"calls"), list(fields.get(b"histogram_usec"))) for name, fields in reply}


def test_histograms(ctx):
    client = ctx.client()
    client("HELLO", "3")
    client("CONFIG", "RESETSTAT")
    for _ in range(20):
        client("SET", "key", "v")
    client("DEBUG", "SLEEP", "0.1")
    client("DEBUG", "SLEEP", "0.01")
    client("CLIENT", "GETNAME")
    client("GET")
    found = histogram(client)
    equal({name: calls for name, (calls, _) in found.items()}, {"config|resetstat": 1, "set": 20, "debug": 2, "client|getname": 1})
    bounds = [((1024 + 8) * 2**k - 1) // 1000 for k in range(30)]
    for calls, buckets in found.values():
        assert all(bound in bounds for bound, _ in buckets), buckets
        equal(buckets, sorted(buckets))
        equal(sorted({count for _, count in buckets}), [count for _, count in buckets], "cumulative counts")
        equal(buckets[-1][1], calls)
    equal(found["debug"][1], [(16908, 1), (135266, 2)])
    equal(sorted(histogram(client, "set", "nonsense", "client", "client|getname")), ["client|getname", "set"])
    equal(histogram(client, "config|set"), {})
    reply = client("LATENCY", "HISTOGRAM", "SET", "set")
    equal((type(reply), [name for name, _ in reply]), (Map, [b"set", b"set"]))
    equal(client("CONFIG", "RESETSTAT"), Simple("OK"))
    equal(list(histogram(client)), ["config|resetstat"])


@only("gyre")
def test_histograms_add_up_over_shards(ctx):
    server = ctx.server("--shards", "4")
    for _ in range(8):
        with server.client() as client:
            for i in range(25):
                client("GET", f"key:{i}")
    client = server.client()
    client("HELLO", "3")
    equal(histogram(client, "get")["get"][0], 200)
