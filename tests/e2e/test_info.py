"""INFO: every section and field of redis-server's, numbers that move as they should, CONFIG RESETSTAT, and our section on shards."""
import re
import time

from harness import contains, equal, eventually, only
from resp import Error, Simple, Verbatim
from shards import clients_by_shard, settled


def sections(text):
    """[(title, [(field, value), ...]), ...] of an INFO text; fails on any line that is neither heading, field nor empty."""
    found = []
    lines = text.decode().split("\r\n")
    equal(lines.pop(), "", "what follows the last line")
    for number, line in enumerate(lines):
        if line.startswith("# "):
            assert number == 0 or lines[number - 1] == "", f"no empty line before {line!r}"
            found.append((line[2:], []))
        elif line:
            name, colon, value = line.partition(":")
            assert colon and re.fullmatch(r"[A-Za-z0-9_.|-]+", name), f"{line!r} is not a field"
            found[-1][1].append((name, value))
    return found


def info(client, *which):
    """Fields by name, all sections together."""
    return {name: value for _, fields in sections(client("INFO", *which)) for name, value in fields}


def number(client, section, field):
    return float(info(client, section)[field])


def alone(server):
    """A client of a server that has no other: the connection that saw it start has left."""
    client = server.client()
    eventually(lambda: number(client, "clients", "connected_clients") == 1, what="being alone")
    return client


def parts(value):
    """{"keys": "1", ...} of "keys=1,expires=0"."""
    return dict(part.split("=", 1) for part in value.split(","))


def kind_of(value):
    """What a program that reads INFO would make of a value."""
    if re.fullmatch(r"-?\d+", value):
        return "integer"
    if re.fullmatch(r"-?\d+\.\d+%?", value):
        return "percent" if value.endswith("%") else "number"
    return "text"


@only("gyre")
def test_every_field_of_redis_is_there(ctx):
    """In redis-server's order and of the same kind, so that a parser made for one reads the other."""
    gyre, redis = ctx.client(), ctx.oracle().client()
    ours, theirs = dict(sections(gyre("INFO", "everything"))), dict(sections(redis("INFO", "everything")))
    order = [title for title in ours if title in theirs]
    equal(order, list(theirs), "the sections that both have")
    for title, fields in theirs.items():
        if title in ("Commandstats", "Errorstats", "Latencystats", "Keyspace"):
            continue  # these have a line for what was called
        mine = [name for name, _ in ours[title]]
        equal([name for name in mine if name in dict(fields)], [name for name, _ in fields], f"fields of {title}")
        values = dict(ours[title])
        for name, value in fields:
            equal(kind_of(values[name]), kind_of(value), f"kind of {name} ({values[name]!r}, {value!r})")


@only("gyre")
def test_who_it_is(ctx):
    server = ctx.server(config="maxclients 1234\n")
    fields = info(server.client(), "server", "clients")
    equal(fields["redis_version"], "7.2.0")
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["gyre_version"]), fields["gyre_version"]
    equal(fields["process_id"], str(server.pid))
    equal(fields["tcp_port"], str(server.port))
    equal(fields["maxclients"], "1234")
    equal(fields["config_file"], f"{server.folder}/server.conf")
    assert fields["executable"].endswith("/gyre-server"), fields["executable"]
    assert re.fullmatch("[0-9a-f]{40}", fields["run_id"]), fields["run_id"]
    equal(info(server.client(), "server")["run_id"], fields["run_id"], "run_id at the second look")
    assert info(ctx.client(), "server")["run_id"] != fields["run_id"], "two servers with one run_id"
    assert abs(int(fields["server_time_usec"]) / 1e6 - time.time()) < 5, fields["server_time_usec"]


def test_sections_by_name(ctx):
    client = ctx.client()
    usual = [title for title, _ in sections(client("INFO"))]
    equal([title for title, _ in sections(client("INFO", "default"))], usual)
    every = [title for title, _ in sections(client("INFO", "all"))]
    equal([title for title, _ in sections(client("INFO", "everything", "server", "nonsense"))], every)
    equal(sorted(set(every) - set(usual)), ["Commandstats", "Latencystats"])
    equal([title for title, _ in sections(client("INFO", "CPU", "server", "cpu"))], ["Server", "CPU"])
    equal(client("INFO", "nonsense"), b"")
    client("HELLO", "3")
    equal(type(client("INFO", "cpu")), Verbatim)


def test_keyspace_lines(ctx):
    client = ctx.client()
    equal(client("INFO", "keyspace"), b"# Keyspace\r\n")
    client("MSET", *[word for i in range(100) for word in (f"key:{i}", "v")])
    client("SET", "expiring", "v", "PX", "200000")
    client("SELECT", "9")
    client("SET", "there", "v")
    fields = info(client, "keyspace")
    equal(sorted(fields), ["db0", "db9"])
    equal(fields["db9"], "keys=1,expires=0,avg_ttl=0")
    first = parts(fields["db0"])
    equal((first["keys"], first["expires"]), ("101", "1"))
    client("FLUSHDB")
    equal(sorted(info(client, "keyspace")), ["db0"])
    client("SWAPDB", "0", "5")
    equal(sorted(info(client, "keyspace")), ["db5"])
    client("FLUSHALL")
    equal(info(client, "keyspace"), {})


@only("gyre")  # redis-server samples it now and then
def test_mean_time_to_live(ctx):
    client = ctx.client()
    for i in range(200):
        client("SET", f"key:{i}", "v", "PX", str(100000 + 1000 * i))
    mean = int(parts(info(client, "keyspace")["db0"])["avg_ttl"])
    assert 120000 < mean < 280000, mean


def test_counters_of_keys(ctx):
    client = ctx.client()
    client("SET", "key", "v")
    before = info(client, "stats")
    client("GET", "key")
    client("MGET", "key", "missing", "key")
    client("EXISTS", "missing")
    client("SET", "short", "v", "PX", "20")
    time.sleep(0.06)
    equal(client("GET", "short"), None)
    after = info(client, "stats")
    moved = {name: int(after[name]) - int(before[name]) for name in ("keyspace_hits", "keyspace_misses", "expired_keys")}
    equal(moved, {"keyspace_hits": 3, "keyspace_misses": 3, "expired_keys": 1})


def test_expired_without_being_looked_at(ctx):
    client = ctx.client()
    client("SET", "short", "v", "PX", "20")
    eventually(lambda: number(client, "stats", "expired_keys") == 1, what="the key's expiry")
    equal(info(client, "keyspace"), {})


def test_counters_of_connections_and_bytes(ctx):
    server = ctx.server()
    client = alone(server)
    before = info(client, "stats", "clients")
    others = [server.client() for _ in range(7)]
    for other in others:
        other("ECHO", "x" * 10000)
    after = info(client, "stats", "clients")
    moved = {name: int(after[name]) - int(before[name]) for name in
             ("total_connections_received", "total_commands_processed", "total_net_input_bytes", "connected_clients",
              "total_reads_processed")}
    equal(moved["total_connections_received"], 7)
    equal(moved["connected_clients"], 7)
    equal(moved["total_commands_processed"], 8)
    assert 70000 < moved["total_net_input_bytes"] < 72000, moved
    assert moved["total_reads_processed"] >= 8, moved
    # What was sent is counted once the kernel has taken it, perhaps after the client has it.
    eventually(lambda: number(client, "stats", "total_net_output_bytes") - int(before["total_net_output_bytes"]) > 70000
               and number(client, "stats", "total_writes_processed") - int(before["total_writes_processed"]) >= 8,
               what="the counting of what was sent")
    for other in others:
        other.close()
    eventually(lambda: number(client, "clients", "connected_clients") == 1, what="the others' leaving")


def test_rejected_connections(ctx):
    server = ctx.server("--maxclients", "2")
    client = alone(server)
    second = server.client()
    equal(second("PING"), Simple("PONG"))
    third = server.client()
    contains(third.everything()[0], b"max number of clients")
    equal(number(client, "stats", "rejected_connections"), 1)


def test_rates(ctx):
    client = ctx.client()
    seen = []

    def busy():
        client.pipeline([["ECHO", "x" * 1000]] * 500)
        seen.append(info(client, "stats"))
        return int(seen[-1]["instantaneous_ops_per_sec"]) > 200 and float(seen[-1]["instantaneous_input_kbps"]) > 100

    eventually(busy, what="a rate while commands run")
    assert float(seen[-1]["instantaneous_output_kbps"]) > 100, seen[-1]
    eventually(lambda: number(client, "stats", "instantaneous_ops_per_sec") < 100, what="the rate's going down")


def test_errors_by_kind(ctx):
    client = ctx.client()
    client("CONFIG", "RESETSTAT")
    client("SET", "key", "v")
    for command in (["INCR", "key"], ["GET"], ["NONSENSE"], ["HELLO", "9"], ["INFO", "x"]):
        client(*command)
    equal(client("DEBUG", "ERROR", "ODD word"), Error("ODD word"))
    fields = info(client, "errorstats", "stats")
    equal((fields["errorstat_ERR"], fields["errorstat_NOPROTO"]), ("count=3", "count=1"))
    equal(fields["total_error_replies"], "4")
    equal([name for name in fields if name.startswith("errorstat_")], ["errorstat_ERR", "errorstat_NOPROTO"])


def test_commandstats(ctx):
    client = ctx.client()
    client("CONFIG", "RESETSTAT")
    client("SET", "key", "v")
    client("GET", "key")
    client("get", "key")
    client("GET")
    client("INCR", "key")
    client("CLIENT", "GETNAME")
    client("CLIENT", "GETNAME", "x")
    client("DEBUG", "SLEEP", "0.05")
    client("DEBUG", "OBJECT", "key")
    client("NONSENSE")
    fields = info(client, "commandstats")
    stats = {name: parts(value) for name, value in fields.items()}
    counts = {name.removeprefix("cmdstat_"): tuple(int(stat[f]) for f in ("calls", "rejected_calls", "failed_calls"))
              for name, stat in stats.items()}
    equal(counts, {"config|resetstat": (1, 0, 0), "set": (1, 0, 0), "get": (2, 1, 0), "incr": (1, 0, 1),
                   "client|getname": (1, 1, 0), "debug": (2, 0, 0)})
    slept = stats["cmdstat_debug"]
    assert 50000 <= int(slept["usec"]) < 500000, slept
    assert abs(float(slept["usec_per_call"]) - int(slept["usec"]) / 2) < 1, slept


def test_latencystats(ctx):
    client = ctx.client()
    client("CONFIG", "RESETSTAT")
    for _ in range(50):
        client("PING")
    client("DEBUG", "SLEEP", "0.1")
    client("CONFIG", "SET", "latency-tracking-info-percentiles", "0 50 99.99 100")
    fields = info(client, "latencystats")
    values = parts(fields["latency_percentiles_usec_debug"])
    equal(sorted(values), ["p0", "p100", "p50", "p99.99"])
    assert 95000 < float(values["p50"]) < 300000, values
    pings = [float(parts(fields["latency_percentiles_usec_ping"])[p]) for p in ("p0", "p50", "p99.99", "p100")]
    assert 0 < pings[0] and pings == sorted(pings) and pings[1] < 20000, pings
    client("CONFIG", "SET", "latency-tracking", "no")
    client("ECHO", "x")
    equal(client("INFO", "latencystats"), b"# Latencystats\r\n")
    equal(client("LATENCY", "HISTOGRAM", "echo"), [])
    client("CONFIG", "SET", "latency-tracking", "yes")
    client("ECHO", "x")
    equal(client("LATENCY", "HISTOGRAM", "echo")[1][1], 1, "calls seen after it is on again")


def test_resetstat(ctx):
    server = ctx.server()
    client = server.client()
    client("SET", "key", "v")
    client.pipeline([["GET", "key"], ["GET", "missing"], ["INCR", "key"]] * 20)
    before = info(client, "stats", "keyspace", "memory")
    equal(client("CONFIG", "RESETSTAT"), Simple("OK"))
    after = info(client, "stats", "keyspace", "errorstats", "commandstats", "memory")
    for name in ("keyspace_hits", "keyspace_misses", "total_error_replies", "expired_keys", "total_connections_received"):
        equal(after[name], "0", f"{name} (was {before[name]})")
    equal(after["total_commands_processed"], "1")
    equal([name for name in after if name.startswith(("cmdstat_", "errorstat_"))], ["cmdstat_config|resetstat"])
    equal(after["db0"], before["db0"])
    assert int(after["total_net_input_bytes"]) < 200, after["total_net_input_bytes"]
    for _ in range(3):
        client("GET", "key")
    again = info(client, "stats")
    equal((again["keyspace_hits"], again["total_commands_processed"]), ("3", "5"))
    client("CONFIG", "RESETSTAT")
    equal(number(client, "stats", "keyspace_hits"), 0, "hits after the second reset")


def test_changes_since_the_last_save(ctx):
    client = ctx.client()
    equal(number(client, "persistence", "rdb_changes_since_last_save"), 0)
    client("MSET", "a", "1", "b", "2")
    client("GET", "a")
    client("DEL", "a", "missing")
    equal(number(client, "persistence", "rdb_changes_since_last_save"), 3)


def test_memory(ctx):
    server = ctx.server()
    client = server.client()
    before = info(client, "memory")
    for i in range(40):
        client("SET", f"big:{i}", "x" * 1000000)
    full = info(client, "memory")
    grown = int(full["used_memory"]) - int(before["used_memory"])
    assert 40e6 <= grown < 50e6, grown
    assert int(full["used_memory_peak"]) >= int(full["used_memory"]), full
    assert int(full["used_memory_dataset"]) >= 40e6, full
    assert abs(float(full["used_memory_human"][:-1]) - int(full["used_memory"]) / 1048576) < 0.01, full
    client("FLUSHALL")
    eventually(lambda: number(client, "memory", "used_memory") < int(before["used_memory"]) + 1e6, what="memory's return")
    fields = info(client, "memory")
    assert int(fields["used_memory_peak"]) >= int(full["used_memory"]), fields
    eventually(lambda: abs(number(client, "memory", "used_memory_rss") / server.memory() - 1) < 0.1,
               what="used_memory_rss near what /proc says")

    def ratio_fits():
        now = info(client, "memory")
        ratio = int(now["used_memory_rss"]) / int(now["used_memory"])
        return abs(float(now["mem_fragmentation_ratio"]) - ratio) < 0.02 + ratio / 10

    eventually(ratio_fits, what="mem_fragmentation_ratio")
    client("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lfu")
    fields = info(client, "memory")
    equal((fields["maxmemory"], fields["maxmemory_human"], fields["maxmemory_policy"]),
          ("104857600", "100.00M", "allkeys-lfu"))


def test_evicted_keys(ctx):
    client = ctx.server("--maxmemory", "20mb", "--maxmemory-policy", "allkeys-random").client()
    for i in range(60):
        client("SET", f"key:{i}", "x" * 500000)
    fields = info(client, "stats", "keyspace")
    evicted = int(fields["evicted_keys"])
    assert 15 < evicted < 60, evicted
    equal(int(parts(fields["db0"])["keys"]), 60 - evicted)


@only("gyre")
def test_memory_of_clients(ctx):
    server = ctx.server()
    client = server.client()
    others = [server.client() for _ in range(50)]
    others[0].send(b"*2\r\n$4\r\nECHO\r\n$3000000\r\n" + b"x" * 2000000)
    eventually(lambda: number(client, "clients", "client_recent_max_input_buffer") >= 2000000, what="the large input")
    fields = info(client, "memory")
    assert 2000000 < int(fields["mem_clients_normal"]) < 6000000, fields["mem_clients_normal"]


@only("gyre")
def test_shards(ctx):
    server = ctx.server("--shards", "3")
    client = settled(server)
    others = [server.client() for _ in range(8)]
    for i, other in enumerate(others):
        for j in range(100):
            other("SET", f"key:{i}:{j}", "value")
    title, fields = sections(client("INFO", "shards"))[0]
    equal((title, [name for name, _ in fields]), ("Shards", ["shard0", "shard1", "shard2"]))
    shards = [{name: int(value) for name, value in parts(line).items()} for _, line in fields]
    for shard in shards:
        equal(list(shard)[:7], ["connections", "ops", "slices", "keys", "memory", "visits", "parks"])
    equal([shard["connections"] for shard in shards], [3, 3, 3])
    equal(sum(shard["keys"] for shard in shards), 800)
    equal(sum(shard["ops"] for shard in shards), number(client, "stats", "total_commands_processed") - 1)
    equal(sum(shard["slice_ops"] for shard in shards), 800)
    slices = sum(shard["slices"] for shard in shards)
    assert slices >= 48 and slices & (slices - 1) == 0, slices
    memory = sum(shard["memory"] for shard in shards)
    equal(memory, int(number(client, "memory", "used_memory_dataset")))
    visits = sum(shard["visits"] for shard in shards)
    assert 300 < visits < 700, visits  # two of three keys belong to another shard


@only("gyre")
def test_info_does_not_wait_for_a_held_slice(ctx):
    server = ctx.server("--shards", "2")
    (first,), (second,) = clients_by_shard(server)
    first("SET", "key", "v", "EX", "1000")
    first.send_command("DEBUG", "HOLD", "key", "1.5")
    time.sleep(0.2)
    began = time.monotonic()
    text = second("INFO", "everything")
    took = time.monotonic() - began
    contains(text, b"db0:keys=1,expires=1,")
    assert took < 0.7, f"INFO took {took:.3f} s"
    equal(first.read(), Simple("OK"))
