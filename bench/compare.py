#!/usr/bin/python3
"""compare.py: the standard comparison: redis-server, Gyre, and any other server named, in interleaved rounds.

    bench/compare.py [--rounds N] [--only get-p16,...] [--shards N] [--server-cpus 0] [--load-cpus 1]
                     [--server "valkey=valkey-server --port {port} --save ''"]... [--load redis-benchmark]

The figure to trust is CPU microseconds per operation (user and system time of the whole server process over the operations
done): it does not depend on how fast the load generator is. Servers are pinned to one processor, the load (gyre-bench,
unless redis-benchmark is asked for) to another; every figure is the median of the rounds. Prints two tables in Markdown: CPU
per operation, where each ratio is the server's over redis-server's and below 1 is less; throughput and p99.
"""
import argparse
import statistics
import subprocess

from servers import ROOT, Server, encode

#        name       title                            command pipeline clients value  operations
WORK = {"get-p1": ("GET, 50 clients, no pipeline", "GET", 1, 50, 32, 150_000),
        "set-p1": ("SET, 50 clients, no pipeline", "SET", 1, 50, 32, 150_000),
        "get-p16": ("GET, pipeline of 16", "GET", 16, 50, 32, 1_500_000),
        "set-p16": ("SET, pipeline of 16", "SET", 16, 50, 32, 1_500_000),
        "get-p100": ("GET, pipeline of 100", "GET", 100, 20, 32, 4_000_000),
        "get-16k": ("GET of 16 KiB", "GET", 1, 50, 16384, 75_000)}


def fill(server, keys, size):
    value = b"x" * size
    for base in range(0, keys, 1000):
        server.client.send(b"".join(encode("SET", "key:%012d" % i, value) for i in range(base, base + 1000)))
        for _ in range(1000):
            server.client.read()


def load(options, server, name, operations):
    """Runs the load. Returns operations a second, and the 99th percentile in milliseconds."""
    _, command, pipeline, clients, size, _ = WORK[name]
    keys = 10_000 if size > 4096 else 200_000
    tool = ["redis-benchmark"] if options.load == "redis-benchmark" else [str(ROOT / "build/release/gyre-bench"), "--threads", "1", "-q"]
    arguments = [command, "key:__rand_int__"] + (["x" * size] if command == "SET" else [])
    out = subprocess.run(["taskset", "-c", options.load_cpus, *tool, "-p", str(server.port), "-c", str(clients), "-P", str(pipeline), "-n",
                          str(operations), "-r", str(keys), "--csv", *arguments], capture_output=True, text=True, check=True).stdout
    row = [line for line in out.splitlines() if line.startswith('"') and '"rps"' not in line][-1].strip('"').split('","')
    return float(row[-7]), float(row[-2])


def measure(options, kind, name):
    """CPU microseconds per operation, operations a second, p99."""
    extra = ["--shards", str(options.shards)] if kind == "gyre" else []
    with Server(kind, *extra, cpus=options.server_cpus, command=options.others.get(kind)) as server:
        size, operations = WORK[name][4:]
        fill(server, 10_000 if size > 4096 else 200_000, size)
        load(options, server, name, operations // 10)
        before = server.cpu_seconds()
        rate, p99 = load(options, server, name, operations)
        return (server.cpu_seconds() - before) / operations * 1e6, rate, p99


def print_row(cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(WORK))
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--server-cpus", default="0")
    parser.add_argument("--load-cpus", default="1")
    parser.add_argument("--server", action="append", default=[], metavar="NAME=COMMAND", help="another server; {port} is filled in")
    parser.add_argument("--load", default="gyre-bench", choices=("gyre-bench", "redis-benchmark"))
    options = parser.parse_args()
    options.others = dict(text.split("=", 1) for text in options.server)
    kinds = ["redis", "gyre", *options.others]
    names = ["redis-server", *kinds[1:]]
    print_row(["32-byte values", "redis-server µs"] + [cell for name in names[1:] for cell in (f"{name} µs", "ratio")])
    print_row(["---"] * (2 * len(kinds)))
    second = []
    for name in options.only.split(","):
        rounds = [[measure(options, kind, name) for kind in kinds] for _ in range(options.rounds)]
        cpu, rate, p99 = ([statistics.median(one[i][part] for one in rounds) for i in range(len(kinds))] for part in range(3))
        title = WORK[name][0]
        print_row([title, f"{cpu[0]:.2f}"] + [cell for one in cpu[1:] for cell in (f"{one:.2f}", f"{one / cpu[0]:.2f}")])
        second.append([title] + [cell for r, p in zip(rate, p99) for cell in (f"{r:,.0f}", f"{p:.2f}")])
    print()
    print_row([""] + [cell for name in names for cell in (f"{name} op/s", "p99 ms")])
    print_row(["---"] * (2 * len(kinds) + 1))
    for row in second:
        print_row(row)


main()
