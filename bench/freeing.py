#!/usr/bin/python3
"""freeing.py: whether anybody waits while very large values and databases are freed.

    bench/freeing.py [--elements 10000000] [--keys 5000000] [--shards 2] [--kinds zset,hash,set,list,flush] [--idle-seconds 3]

Each value is written by eight clients, so by every thread of the server in turn: its blocks lie in the heaps of all of them.
Then it is deleted (or overwritten, or the database is flushed) while two probers per thread of the server send SETs and GETs, one
at a time, each to a key of a slice of its own. SETs because they take memory, and whoever takes memory may first have to deal with
what others freed of his. Printed per kind: how long the command itself took, how long until all memory was
free, and the longest and the fifth longest wait of the probers from the command to then. The same of an idle server first: what
the machine alone adds (probers, threads of the server and everything else share its processors).
"""
import argparse
import multiprocessing
import socket
import time

from servers import Server, encode

WRITERS = 8
BATCH = 500


def element(kind, i):
    if kind == "zset":
        return (i, b"member:%d" % i)
    if kind == "hash":
        return (b"field:%d" % i, b"value:%d" % i)
    return (b"element:%d" % i,)


def write(port, kind, first, last):
    """One client's part; commands of BATCH elements, eight of them on the way at a time."""
    verb = {"zset": "ZADD", "hash": "HSET", "set": "SADD", "list": "RPUSH", "flush": "MSET"}[kind]
    with socket.create_connection(("127.0.0.1", port)) as link:
        file, waiting = link.makefile("rb"), 0
        for begin in range(first, last, BATCH):
            numbers = range(begin, min(begin + BATCH, last))
            if kind == "flush":
                words = [w for i in numbers for w in (b"key:%d" % i, b"value:%d" % i)]
            else:
                words = ["big"] + [w for i in numbers for w in element(kind, i)]
            link.sendall(encode(verb, *words))
            waiting += 1
            if waiting >= 8:
                file.readline()
                waiting -= 1
        for _ in range(waiting):
            file.readline()


def probe(port, key, stop, results):
    """Asks until told to stop; the waits above 0.2 ms, as (when, how long), and how many requests there were."""
    requests, waits, asked = [encode("GET", key), *(encode("SET", key, "x" * size) for size in (20, 60, 200, 3000))], [], 0
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not stop.is_set():
            began = time.monotonic()
            link.send(requests[asked % len(requests)])
            link.recv(8192)
            took = time.monotonic() - began
            asked += 1
            if took > 0.0002:
                waits.append((began, took))
            time.sleep(0.0002)
    results.put((asked, waits))


class Probers:
    def __init__(self, port, count):
        self.stop, self.results = multiprocessing.Event(), multiprocessing.Queue()
        self.processes = [multiprocessing.Process(target=probe, args=(port, f"probe:{i}", self.stop, self.results)) for i in range(count)]
        for process in self.processes:
            process.start()
        time.sleep(0.3)

    def end(self, since):
        self.stop.set()
        found = [self.results.get() for _ in self.processes]
        for process in self.processes:
            process.join()
        waits = sorted((took for _, part in found for began, took in part if began + took >= since), reverse=True)
        above = sum(took > 0.001 for took in waits)
        return sum(asked for asked, _ in found), above, (waits + [0] * 5)[:5]


def show(name, command_s, gone_s, probes):
    asked, above, waits = probes
    print(f"| {name} | {command_s * 1000:.2f} | {gone_s:.2f} | {asked} | {above} | {waits[0] * 1000:.2f} | {waits[4] * 1000:.2f} |", flush=True)


def wait_until_free(server, level, deadline_s=60):
    """Until the memory in use is about what it was before there was anything, and nothing lies in a grave."""
    began = time.monotonic()
    while time.monotonic() - began < deadline_s:
        if int(server.client.info("used_memory")) < level and int(server.client.info("lazyfree_pending_objects")) == 0:
            return
        time.sleep(0.05)


def measure(options, kind):
    count = options.keys if kind == "flush" else options.elements
    with Server("gyre", "--shards", str(options.shards)) as server:
        empty = int(server.client.info("used_memory"))
        step = -(-count // WRITERS)
        writers = [multiprocessing.Process(target=write, args=(server.port, kind, i * step, min(count, (i + 1) * step))) for i in range(WRITERS)]
        for process in writers:
            process.start()
        for process in writers:
            process.join()
        assert kind == "flush" and server.client("DBSIZE") == count or server.client("EXISTS", "big") == 1
        time.sleep(0.5)
        probers = Probers(server.port, options.shards * 2)
        if options.idle_seconds:
            began = time.monotonic()
            time.sleep(options.idle_seconds)
            show(f"{kind}, idle", 0, options.idle_seconds, probers.end(began))
            probers = Probers(server.port, options.shards * 2)
        began = time.monotonic()
        if kind == "flush":
            server.client("FLUSHALL")
        elif kind == "list":
            server.client("SET", "big", "overwritten")
        else:
            server.client("DEL", "big")
        took = time.monotonic() - began
        wait_until_free(server, empty + 64 * 1024 * 1024)
        gone = time.monotonic() - began
        time.sleep(0.5)
        show(kind, took, gone, probers.end(began))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, default=10_000_000)
    parser.add_argument("--keys", type=int, default=5_000_000)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--kinds", default="zset,hash,set,list,flush")
    parser.add_argument("--idle-seconds", type=float, default=3)
    options = parser.parse_args()
    print("| freed | command, ms | all free after, s | requests | of them above 1 ms | longest wait, ms | fifth longest, ms |")
    print("|---|---|---|---|---|---|---|")
    for kind in options.kinds.split(","):
        measure(options, kind)


main()
