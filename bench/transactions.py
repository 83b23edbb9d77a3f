#!/usr/bin/python3
"""transactions.py: the server's CPU per transaction of five commands on five random keys, Gyre beside redis-server.

    bench/transactions.py [--seconds 5] [--rounds 3] [--shards 2] [--clients 50]

Each client sends MULTI, five times GET or SET of a random key out of 100,000, and EXEC in one go, reads the seven
replies and begins anew. Servers may use both processors, and so may the load, which is one process. Prints a table in
Markdown; the last column is Gyre's CPU over redis-server's.
"""
import argparse
import random
import selectors
import statistics
import time

from servers import Client, Server, encode

KEYS, COMMANDS, PREPARED = 100_000, 5, 4000
REPLIES = COMMANDS + 2


def transactions():
    """Ready to be sent. Values have no line end in them, so the lines of the replies can be counted."""
    chance = random.Random(1)
    for _ in range(PREPARED):
        commands = []
        for _ in range(COMMANDS):
            key = "key:%012d" % chance.randrange(KEYS)
            commands.append(encode("SET", key, "x" * 32) if chance.random() < 0.5 else encode("GET", key))
        yield encode("MULTI") + b"".join(commands) + encode("EXEC")


def fill(client):
    for at in range(0, KEYS, 1000):
        client.send(b"".join(encode("SET", "key:%012d" % n, "x" * 32) for n in range(at, at + 1000)))
        for _ in range(1000):
            client.read()


def run(server, options, prepared):
    """How many were done in so many seconds."""
    selector, done = selectors.DefaultSelector(), 0
    for number in range(options.clients):
        client = Client(server.port)
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.send(prepared[number])
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        for key, _ in selector.select():
            client = key.data
            for _ in range(REPLIES):
                reply = client.read()
            assert len(reply) == COMMANDS, reply
            done += 1
            client.send(prepared[done % PREPARED])
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    return done


def measure(options, kind, prepared):
    extra = ["--shards", str(options.shards)] if kind == "gyre" else []
    with Server(kind, *extra) as server:
        fill(server.client)
        started = server.cpu_seconds()
        done = run(server, options, prepared)
        return (server.cpu_seconds() - started) / done * 1e6, done / options.seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--clients", type=int, default=50)
    options = parser.parse_args()
    prepared = list(transactions())
    rounds = [(measure(options, "redis", prepared), measure(options, "gyre", prepared)) for _ in range(options.rounds)]
    redis, gyre = ([statistics.median(column) for column in zip(*side)] for side in zip(*rounds))
    print("| | redis-server µs | gyre µs | redis-server EXEC/s | gyre EXEC/s | CPU ratio |")
    print("|---|---|---|---|---|---|")
    print(f"| EXEC of {COMMANDS}, {options.clients} clients, {options.shards} shards | {redis[0]:.1f} | {gyre[0]:.1f} | {redis[1]:,.0f} | "
          f"{gyre[1]:,.0f} | {gyre[0] / redis[0]:.2f} |")


main()
