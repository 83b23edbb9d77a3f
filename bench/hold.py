#!/usr/bin/python3
"""hold.py: what a slow command does to everybody else: GETs of other slices while one slice and one thread are kept busy.

    bench/hold.py [--rounds 5]

redis-benchmark reads (50 connections, pipeline of 16) from a gyre-server of two shards; for a second at a time
`DEBUG HOLD` keeps another slice and one of the two threads busy. Printed: reads per second without and with it, beside
redis-server, whose one thread `DEBUG SLEEP` keeps busy.
"""
import argparse
import socket
import statistics
import subprocess
import time

from servers import Server, encode


def reads(server):
    return int(server.client.info("cmdstat_get").split("calls=")[1].split(",")[0])


def rate(server, seconds, command=None):
    """GETs a second for so long, with a command sent at the beginning by a client of its own."""
    with socket.create_connection(("127.0.0.1", server.port)) as other:
        before, began = reads(server), time.monotonic()
        if command:
            other.sendall(encode(*command))
        time.sleep(seconds)
        done = (reads(server) - before) / (time.monotonic() - began)
        time.sleep(0.4)
        return done


def measure(kind, command, rounds):
    options = ["--enable-debug-command", "yes", *(["--shards", "2"] if kind == "gyre" else [])]
    with Server(kind, *options) as server:
        load = subprocess.Popen(["redis-benchmark", "-p", str(server.port), "-c", "50", "-P", "16", "-n", "1000000000", "-r", "10000", "-q",
                                 "GET", "{other}:__rand_int__"], stdout=subprocess.DEVNULL)
        time.sleep(0.7)
        pairs = [(rate(server, 0.9), rate(server, 0.9, command)) for _ in range(rounds)]
        load.kill()
        load.wait()
        free, held = (statistics.median(column) for column in zip(*pairs))
        print(f"| {kind} | {free:,.0f} | {held:,.0f} | {held / free:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print("| server | GETs/s undisturbed | GETs/s meanwhile | ratio |")
    print("|---|---|---|---|")
    measure("redis", ("DEBUG", "SLEEP", "1"), options.rounds)
    measure("gyre", ("DEBUG", "HOLD", "held", "1"), options.rounds)


main()
