#!/usr/bin/python3
"""generator.py: what a load generator costs: its own CPU per request, gyre-bench beside redis-benchmark.

    bench/generator.py [--rounds 3] [--server-cpu 0] [--load-cpu 1] [--port PORT]

Both ask the same server for the same: GETs by 50 clients, on one thread. The server is a redis-server of their own on another
processor, or whatever listens on PORT. The less the generator spends, the later it is what limits a measurement. Prints a
table in Markdown; medians of interleaved rounds.
"""
import argparse
import contextlib
import resource
import statistics
import subprocess

from servers import ROOT, Server

WORK = {"no pipeline": (1, 150_000), "pipeline of 16": (16, 1_500_000)}
TOOLS = {"redis-benchmark": ["redis-benchmark"], "gyre-bench": [str(ROOT / "build/release/gyre-bench"), "--threads", "1", "-q"]}


def cpu_us(options, port, tool, pipeline, requests):
    """CPU microseconds of the generator per request, from its start to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["taskset", "-c", options.load_cpu, *TOOLS[tool], "-p", str(port), "-c", "50", "-P", str(pipeline), "-n", str(requests),
                    "-r", "200000", "--csv", "GET", "key:__rand_int__"], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / requests * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--server-cpu", default="0")
    parser.add_argument("--load-cpu", default="1")
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        port = options.port or stack.enter_context(Server("redis", cpus=options.server_cpu)).port
        print("| CPU µs per request | redis-benchmark | gyre-bench | ratio |\n|---|---|---|---|")
        for title, (pipeline, requests) in WORK.items():
            rounds = [[cpu_us(options, port, tool, pipeline, requests) for tool in TOOLS] for _ in range(options.rounds)]
            theirs, ours = (statistics.median(column) for column in zip(*rounds))
            print(f"| {title} | {theirs:.2f} | {ours:.2f} | {ours / theirs:.2f} |", flush=True)


main()
