#!/usr/bin/python3
"""replication.py: what following costs: a full synchronisation, a write with replicas attached, a write applied on a replica, and
how late a replica is.

    bench/replication.py [sync] [primary] [apply] [lag] [--keys 5000000] [--rounds 3]

sync     seconds until a replica of the same kind that begins empty has all keys (16 and 100 bytes), 2 shards each, nobody else asking
primary  processor microseconds that four stock replicas add to a SET on the primary, pipeline of 16, one shard
apply    processor microseconds of a replica for each SET it applies; the primary is a stock one for both
lag      milliseconds from the acknowledgement of a SET until a replica shows it, at depth 1 and 3 of a chain (`gyre-bench lag`)

Servers of the two kinds take turns; printed are the medians. gyre-server has to be built (make build).
"""
import argparse
import re
import statistics
import subprocess
import time

from servers import ROOT, Server

KINDS = ("redis", "gyre")
OPTIONS = ("--repl-diskless-sync-delay", "0", "--client-output-buffer-limit", "replica 0 0 0", "--enable-debug-command", "yes")
REQUESTS = 600_000


def start(kind, *options, shards=1, follows=None):
    more = ("--shards", str(shards)) if kind == "gyre" else ()
    if follows:
        more += ("--replicaof", f"127.0.0.1 {follows.port}")
    server = Server(kind, *OPTIONS, *more, *options)
    while follows and server.client.info("master_link_status") != "up":
        time.sleep(0.02)
    return server


def end(*servers):
    for server in servers:
        server.__exit__()


def write(primary, count):
    command = ["redis-benchmark", "-p", primary.port, "-t", "set", "-n", count, "-r", 200_000, "-P", 16, "-d", 32, "-q"]
    subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL, check=True, timeout=300)


def wait_until_level(primary, *replicas):
    for replica in replicas:
        while replica.client.info("slave_repl_offset") != primary.client.info("master_repl_offset"):
            time.sleep(0.02)


def sync(kind, options):
    primary, replica = start(kind, shards=2), start(kind, shards=2)
    primary.client("DEBUG", "POPULATE", options.keys, "key", 100)
    began = time.monotonic()
    replica.client("REPLICAOF", "127.0.0.1", primary.port)
    while replica.client.info("master_link_status") != "up":
        time.sleep(0.05)
    took = time.monotonic() - began
    assert replica.client("DBSIZE") == options.keys
    end(primary, replica)
    return {"full synchronisation, s": took}


def cost_of(kind, count):
    primary = start(kind)
    replicas = [start("redis", follows=primary) for _ in range(count)]
    write(primary, REQUESTS // 5)
    before = primary.cpu_seconds()
    write(primary, REQUESTS)
    wait_until_level(primary, *replicas)
    took = primary.cpu_seconds() - before
    end(primary, *replicas)
    return took / REQUESTS * 1e6


def with_replicas(kind, _options):
    alone, followed = cost_of(kind, 0), cost_of(kind, 4)
    return {"SET, nobody follows, us": alone, "SET, four follow, us": followed, "that is more by, us": followed - alone}


def apply(kind, _options):
    primary = start("redis")
    replica = start(kind, follows=primary)
    write(primary, REQUESTS // 5)
    wait_until_level(primary, replica)
    before = replica.cpu_seconds()
    write(primary, REQUESTS)
    wait_until_level(primary, replica)
    took = replica.cpu_seconds() - before
    end(primary, replica)
    return {"applied SET, us": took / REQUESTS * 1e6}


def lag(kind, _options):
    chain = [start(kind)]
    for _ in range(3):
        chain.append(start(kind, follows=chain[-1]))
    time.sleep(2)  # a stock primary sends nothing to a new replica before its first acknowledgement, up to a second
    words = ["lag", "--primary", f":{chain[0].port}", "--replica", f":{chain[1].port},:{chain[3].port}", "--duration", "6s"]
    said = subprocess.run([ROOT / "build/release/gyre-bench", *words], capture_output=True, text=True, check=True, timeout=60).stdout
    found = {}
    for name, server in (("depth 1", chain[1]), ("depth 3", chain[3])):
        figures = re.search(rf"^127.0.0.1:{server.port}\s+[\d,]+\s+\S+\s+(\S+)\s+\S+\s+(\S+)", said, re.M)
        found |= {f"{name}, p50 ms": float(figures.group(1)), f"{name}, p99 ms": float(figures.group(2))}
    end(*chain)
    return found


PARTS = {"sync": sync, "primary": with_replicas, "apply": apply, "lag": lag}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    parser.add_argument("--keys", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for part in options.parts or PARTS:
        rounds = {kind: [] for kind in KINDS}
        for _ in range(options.rounds):
            for kind in KINDS:
                rounds[kind].append(PARTS[part](kind, options))
        for name in rounds["gyre"][0]:
            redis, gyre = (statistics.median(figures[name] for figures in rounds[kind]) for kind in KINDS)
            ratio = f"{gyre / redis:.2f}" if redis > 0.01 else "-"
            print(f"{part:8} {name:28} redis-server {redis:8.3f}   gyre {gyre:8.3f}   ratio {ratio}", flush=True)


if __name__ == "__main__":
    main()
