#!/usr/bin/python3
"""commands.py: the server's CPU per operation for redis-benchmark's own tests, Gyre beside redis-server.

    bench/commands.py [--rounds 3] [--pipeline 16] [--only lpush,sadd,...]

Each test runs redis-benchmark -t NAME (50 clients, 100,000 possible keys or members) against a fresh server pinned to one
processor, the load on another; what is read or popped is filled in first. mset and mget take ten keys at random. Prints a table in Markdown; the last column is Gyre's CPU over redis-server's.
"""
import argparse
import statistics
import subprocess

from servers import Server

#        name        operations at pipeline 16; what fills before; the command where redis-benchmark has no test of it
WORK = {"ping": (3_000_000, None, None), "set": (2_000_000, None, None), "get": (2_000_000, "set", None), "incr": (2_000_000, None, None),
        "lpush": (1_500_000, None, None), "rpush": (1_500_000, None, None), "lpop": (1_500_000, "lpush", None),
        "rpop": (1_500_000, "rpush", None), "sadd": (1_500_000, None, None), "hset": (1_500_000, None, None),
        "spop": (1_500_000, "sadd", None), "zadd": (1_500_000, None, None), "zpopmin": (1_500_000, "zadd", None),
        "lrange_100": (200_000, None, None), "lrange_600": (40_000, None, None),
        "mset": (300_000, None, None), "mget": (400_000, "set", ["MGET", *["key:__rand_int__"] * 10])}


def benchmark(server, options, name, operations, command=None):
    test = command or ["-t", name]
    flags = ["-r", "100000", "-q", "--csv"]
    subprocess.run(["taskset", "-c", "1", "redis-benchmark", "-p", str(server.port), "-c", "50", "-P", str(options.pipeline), "-n",
                    str(operations), *flags, *test], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def measure(options, kind, name):
    operations, before, command = WORK[name]
    extra = ["--shards", "1"] if kind == "gyre" else []
    with Server(kind, *extra, cpus="0") as server:
        if before:
            benchmark(server, options, before, operations)
        started = server.cpu_seconds()
        benchmark(server, options, name, operations, command)
        return (server.cpu_seconds() - started) / operations * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pipeline", type=int, default=16)
    parser.add_argument("--only", default=",".join(WORK))
    options = parser.parse_args()
    print(f"| pipeline of {options.pipeline} | redis-server µs/op | gyre µs/op | CPU ratio |")
    print("|---|---|---|---|")
    for name in options.only.split(","):
        pairs = [(measure(options, "redis", name), measure(options, "gyre", name)) for _ in range(options.rounds)]
        redis, gyre = (statistics.median(side) for side in zip(*pairs))
        print(f"| {name} | {redis:.2f} | {gyre:.2f} | {gyre / redis:.2f} |", flush=True)


main()
