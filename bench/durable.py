#!/usr/bin/python3
"""durable.py: SETs with appendfsync always: throughput, the server's CPU per SET, latency; Gyre beside redis-server.

    bench/durable.py [--seconds 3] [--rounds 5] [--clients 50,500] [--shards 1] [--load gyre-bench|redis-benchmark]
                     [--server-cpus LIST] [--load-cpus LIST] [--server NAME=COMMAND ...]

Every client sends one SET of 64 bytes to one of 100,000 keys, waits for its reply, and sends the next. The files are on the
disk of TMPDIR: choose one that is no memory. Servers take turns, rounds too; medians. --server adds others: the command that
starts it, with {port} in it. Prints a table in Markdown.
"""
import argparse
import contextlib
import csv
import statistics
import subprocess

from servers import ROOT, Server

ALWAYS = ["--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"]


def load(options, server, clients, seconds):
    """SETs per second, p99 in milliseconds, and the server's CPU microseconds per SET."""
    pin = ["taskset", "-c", options.load_cpus] if options.load_cpus else []
    before, done = server.cpu_seconds(), int(server.client.info("total_commands_processed"))
    if options.load == "gyre-bench":
        tool = [str(ROOT / "build/release/gyre-bench"), "--threads", "1", "--warm-up", "0", "--duration", f"{seconds}s"]
    else:
        tool = ["redis-benchmark", "-n", str(int(seconds * 60000))]
    run = subprocess.run([*pin, *tool, "-p", str(server.port), "-c", str(clients), "-r", "100000", "-d", "64", "-t", "set", "--csv"],
                         capture_output=True, text=True, check=True)
    row = next(row for row in csv.DictReader(run.stdout.splitlines()) if row["test"].startswith(("SET", "set")))
    done = int(server.client.info("total_commands_processed")) - done
    return float(row["rps"]), float(row["p99_latency_ms"]), (server.cpu_seconds() - before) / done * 1e6


def table(options, clients, rounds):
    first = next(iter(rounds))
    middle = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in rounds.items()}
    for name, (rate, p99, cpu) in middle.items():
        base_rate, _, base_cpu = middle[first]
        print(f"| {clients} | {name} | {rate:,.0f} | {rate / base_rate:.2f} | {cpu:.2f} | {cpu / base_cpu:.2f} | {p99:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", default="50,500")
    parser.add_argument("--shards", default="1")
    parser.add_argument("--load", default="gyre-bench", choices=["gyre-bench", "redis-benchmark"])
    parser.add_argument("--server-cpus")
    parser.add_argument("--load-cpus")
    parser.add_argument("--server", action="append", default=[])
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        servers = {"redis-server": stack.enter_context(Server("redis", *ALWAYS, cpus=options.server_cpus)),
                   "gyre": stack.enter_context(Server("gyre", "--shards", options.shards, *ALWAYS, cpus=options.server_cpus))}
        for other in options.server:
            name, command = other.split("=", 1)
            servers[name] = stack.enter_context(Server(name, cpus=options.server_cpus, command=f"{command} {' '.join(ALWAYS)}"))
        print("| clients | | SET/s | ratio | CPU µs per SET | ratio | p99, ms |\n|---|---|---|---|---|---|---|")
        for clients in options.clients.split(","):
            rounds = {name: [] for name in servers}
            for name, server in servers.items():
                load(options, server, clients, 0.5)
            for _ in range(options.rounds):
                for name, server in servers.items():
                    rounds[name].append(load(options, server, clients, options.seconds))
            table(options, clients, rounds)


main()
