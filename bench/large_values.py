#!/usr/bin/python3
"""large_values.py: how long other commands of the same slice wait while a large value goes.

    bench/large_values.py [--elements 10000000] [--types set,hash,zset,list] [--servers gyre,redis]

Fills a key with so many elements, copies it (COPY) for every way in which a value can lose its key, and has one client send
GETs of a key of the same slice, one after the other, from before the command until seconds after it; a second client sends the command.
Server and clients have a processor each. Prints in Markdown, per type and way, the longest time that a GET took, in milliseconds, the 99.99th
percentile, and how many took above a millisecond. What else the machine does is in that: the line without a command tells how much.
"""
import argparse
import gc
import os
import select
import time

from servers import Client, Server, encode

PER_COMMAND, BATCH = 500, 100
QUIET_S = 3.0  # what is measured without a command
AFTER_S = 3.0  # and after its reply: by then the memory is given back

FILL = {"set": ("SADD", lambda n: ("element:%09d" % n,)), "hash": ("HSET", lambda n: ("field:%09d" % n, "value")),
        "zset": ("ZADD", lambda n: (n * 7919 % 1000003, "element:%09d" % n)), "list": ("RPUSH", lambda n: ("element:%09d" % n,))}

WAYS = {"nothing": [], "DEL": ["DEL", "{t}victim"], "UNLINK": ["UNLINK", "{t}victim"], "PEXPIRE": ["PEXPIRE", "{t}victim", "1"],
        "SET over it": ["SET", "{t}victim", "x"], "RENAME over it": ["RENAME", "{t}other", "{t}victim"],
        "SUNIONSTORE over it": ["SUNIONSTORE", "{t}victim", "{t}few", "{t}more"], "COPY over it": ["COPY", "{t}few", "{t}victim", "REPLACE"]}


def fill(client, kind, elements):
    word, parts = FILL[kind]
    step = PER_COMMAND * BATCH
    for at in range(0, elements, step):
        starts = range(at, min(at + step, elements), PER_COMMAND)
        client.send(b"".join(encode(word, "{t}model", *[part for n in range(start, min(start + PER_COMMAND, elements)) for part in parts(n)])
                             for start in starts))
        for _ in starts:
            client.read()


def settled(client):
    """Waits until used_memory stays the same."""
    last = -1
    while last != (last := int(client.info("used_memory"))):
        time.sleep(0.5)


class Asker:
    """Sends GETs, one after the other, and keeps the times they took, in milliseconds."""

    REQUEST = encode("GET", "{t}key")

    def __init__(self, server):
        self.client, self.taken_ms = Client(server.port), []

    def ask(self, until):
        """GETs until until() is true, looked at every 100 of them."""
        send, receive, clock, note = self.client.socket.sendall, self.client.socket.recv, time.perf_counter, self.taken_ms.append
        while not until():
            for _ in range(100):
                started = clock()
                send(self.REQUEST)
                receive(64)
                note(1000 * (clock() - started))

    def row(self):
        taken = sorted(self.taken_ms)
        slow = sum(time_ms > 1 for time_ms in taken)
        return f"{taken[-1]:.2f} | {taken[int(len(taken) * 0.9999)]:.2f} | {slow} of {len(taken):,}"


def watch(server, way):
    """An Asker that has asked around the command."""
    asker, actor = Asker(server), server.client
    end = time.monotonic() + (0.3 if way else QUIET_S)
    asker.ask(lambda: time.monotonic() > end)
    if way:
        used = int(actor.info("used_memory"))
        actor.send(encode(*way))  # read below: the command and the GETs run side by side
        asker.ask(lambda: select.select([actor.socket], [], [], 0)[0])
        end = time.monotonic() + AFTER_S
        asker.ask(lambda: time.monotonic() > end)
        actor.read()
        assert int(actor.info("used_memory")) < 0.9 * used, "the value is still there"
    asker.client.socket.close()
    return asker


def measure(name, kind, elements):
    options = ("--shards", "1") if name == "gyre" else ()
    with Server(name, *options, cpus="0") as server:
        client = server.client
        client("SET", "{t}key", "value")
        fill(client, kind, elements)
        for way_name, way in WAYS.items():
            client("DEL", "{t}victim", "{t}few", "{t}more")
            client("SADD", "{t}few", "a", "b")
            client("SADD", "{t}more", "c")
            client("SET", "{t}other", "x")
            client("COPY", "{t}model", "{t}victim")
            settled(client)
            asker = watch(server, way)
            print(f"| {name} | {kind} | {way_name} | {asker.row()} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, default=10_000_000)
    parser.add_argument("--types", default=",".join(FILL))
    parser.add_argument("--servers", default="gyre,redis")
    options = parser.parse_args()
    os.sched_setaffinity(0, {1})
    gc.disable()
    print(f"| server | {options.elements:,} elements | command | longest, ms | 99.99% | above 1 ms |")
    print("|---|---|---|---|---|---|")
    for name in options.servers.split(","):
        for kind in options.types.split(","):
            measure(name, kind, options.elements)


main()
