#!/usr/bin/python3
"""compare.py: Gyre beside redis-server, in interleaved rounds: the server's CPU per operation, throughput, latency.

    bench/compare.py [--rounds N] [--only get-p16,...] [--shards N] [--server-cpus 0] [--load-cpus 1]

The figure to trust is CPU microseconds per operation (user and system time of the whole server process over the operations
done): it does not depend on how fast the load generator is. Servers are pinned to one processor, the load to another. The
last column is Gyre's CPU over redis-server's; below 1 is less. Prints a table in Markdown.
"""
import argparse
import statistics
import subprocess

from servers import Server, encode

#        name            command pipeline clients value  operations
WORK = {"get-p1": ("GET", 1, 50, 32, 150_000),
        "set-p1": ("SET", 1, 50, 32, 150_000),
        "get-p16": ("GET", 16, 50, 32, 1_500_000),
        "set-p16": ("SET", 16, 50, 32, 1_500_000),
        "get-p100": ("GET", 100, 20, 32, 4_000_000),
        "get-16k": ("GET", 1, 50, 16384, 75_000)}


def fill(server, keys, size):
    value = b"x" * size
    for base in range(0, keys, 1000):
        server.client.send(b"".join(encode("SET", "key:%012d" % i, value) for i in range(base, base + 1000)))
        for _ in range(1000):
            server.client.read()


def load(options, server, name, operations):
    command, pipeline, clients, size, _ = WORK[name]
    keys = 10_000 if size > 4096 else 200_000
    arguments = [command, "key:__rand_int__"] + (["x" * size] if command == "SET" else [])
    out = subprocess.run(["taskset", "-c", options.load_cpus, "redis-benchmark", "-p", str(server.port), "-c", str(clients), "-P",
                          str(pipeline), "-n", str(operations), "-r", str(keys), "--csv", *arguments],
                         capture_output=True, text=True, check=True).stdout
    row = [line for line in out.splitlines() if line.startswith('"') and '"rps"' not in line][-1].strip('"').split('","')
    return float(row[-7]), float(row[-1])


def measure(options, kind, name):
    extra = ["--shards", str(options.shards)] if kind == "gyre" else []
    with Server(kind, *extra, cpus=options.server_cpus) as server:
        size, operations = WORK[name][3:]
        fill(server, 10_000 if size > 4096 else 200_000, size)
        load(options, server, name, operations // 10)
        before = server.cpu_seconds()
        rate, p99 = load(options, server, name, operations)
        return (server.cpu_seconds() - before) / operations * 1e6, rate, p99


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(WORK))
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--server-cpus", default="0")
    parser.add_argument("--load-cpus", default="1")
    options = parser.parse_args()
    print("| | redis-server µs/op | gyre µs/op | redis-server op/s | gyre op/s | CPU ratio |")
    print("|---|---|---|---|---|---|")
    for name in options.only.split(","):
        rounds = [(measure(options, "redis", name), measure(options, "gyre", name)) for _ in range(options.rounds)]
        redis, gyre = ([statistics.median(column) for column in zip(*side)] for side in zip(*rounds))
        print(f"| {name} | {redis[0]:.2f} | {gyre[0]:.2f} | {redis[1]:,.0f} | {gyre[1]:,.0f} | {gyre[0] / redis[0]:.2f} |", flush=True)


main()
