#!/usr/bin/python3
"""memory_elements.py: memory per element of hashes, lists, sets and sorted sets, Gyre beside redis-server.

    bench/memory_elements.py [--types hash,list,set,zset] [--elements 1000000] [--sizes 5,50,400,10000,0]

Each row fills a fresh server with keys of one kind and divides what it then uses more, by its own account (used_memory)
and by the kernel's (resident), by the number of elements. The keys' own share is in it: it matters where a key has few
elements. Prints a table in Markdown.
"""
import argparse
import random
import time

from servers import Server, encode

BATCH = 200  # commands sent before their replies are read
PER_COMMAND = 500  # elements in a command, at most


def texts(length):
    """Different texts of that many bytes that spell no numbers."""
    return lambda number, _: ("e%0*d" % (length - 1, number)).encode()


def numbers(low, high):
    return lambda number, chance: b"%d" % (low + number if high is None else chance.randrange(low, high))


def fractions(_, chance):
    return repr(chance.random()).encode()


WORD, LONG, COUNT, STAMP = texts(10), texts(100), numbers(0, 100), numbers(1600000000000, 1900000000000)

# Type, command, what an element is, the parts of an element in the command's order.
KINDS = (
    ("hash", "HSET", "field and value of 10 bytes", (WORD, WORD)),
    ("hash", "HSET", "field of 10 bytes, number of 13 digits", (WORD, STAMP)),
    ("hash", "HSET", "field of 10 bytes, value of 100", (WORD, LONG)),
    ("list", "RPUSH", "10 bytes", (WORD,)),
    ("list", "RPUSH", "number below 100", (COUNT,)),
    ("list", "RPUSH", "100 bytes", (LONG,)),
    ("set", "SADD", "number of 7 digits", (numbers(1000000, None),)),
    ("set", "SADD", "10 bytes", (WORD,)),
    ("set", "SADD", "100 bytes", (LONG,)),
    ("zset", "ZADD", "10 bytes, score below 100", (COUNT, WORD)),
    ("zset", "ZADD", "10 bytes, fractional score", (fractions, WORD)),
    ("zset", "ZADD", "100 bytes, fractional score", (fractions, LONG)),
)


def fill(client, kind, keys, elements):
    """Gives as many keys as many elements each."""
    _, word, _, parts = kind
    chance, batch = random.Random(1), []
    for key in range(keys):
        for at in range(0, elements, PER_COMMAND):
            numbers_here = range(at, min(at + PER_COMMAND, elements))
            batch.append(encode(word, "key:%d" % key, *[part(n, chance) for n in numbers_here for part in parts]))
            if len(batch) == BATCH:
                send(client, batch)
    send(client, batch)


def send(client, batch):
    client.send(b"".join(batch))
    for _ in batch:
        client.read()
    batch.clear()


def warm_up(client):
    """Has the server touch the buffers it receives into and sends from, which are no element's."""
    for _ in range(4):
        send(client, [encode("ECHO", b"x" * 10_000)] * BATCH)


def settled(server):
    """Both figures once the first stays the same: tables that grow are done, buffers are given back."""
    last = -1
    for _ in range(100):
        used = int(server.client.info("used_memory"))
        if used == last:
            break
        last = used
        time.sleep(0.3)
    return last, server.resident_bytes()


def bytes_per_element(name, kind, keys, elements):
    """By the server's account, and resident."""
    options = ("--shards", "1") if name == "gyre" else ()
    with Server(name, *options) as server:
        warm_up(server.client)
        before = settled(server)
        fill(server.client, kind, keys, elements)
        assert server.client("DBSIZE") == keys
        return [(now - then) / (keys * elements) for now, then in zip(settled(server), before)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--types", default="hash,list,set,zset")
    parser.add_argument("--elements", type=int, default=1_000_000)
    parser.add_argument("--sizes", default="5,50,400,10000,0", help="elements of a key; 0: all in one")
    options = parser.parse_args()
    print("| type | element | elements of a key | redis-server: used | resident | gyre: used | resident | ratio: used | resident |")
    print("|---|---|---|---|---|---|---|---|---|")
    for kind in KINDS:
        for size in map(int, options.sizes.split(",") if kind[0] in options.types.split(",") else ()):
            elements = size or options.elements
            redis, gyre = (bytes_per_element(name, kind, options.elements // elements, elements) for name in ("redis", "gyre"))
            bytes_each = " | ".join(f"{figure:.1f}" for figure in (*redis, *gyre))
            ratios = " | ".join(f"{ours / theirs:.2f}" for ours, theirs in zip(gyre, redis))
            print(f"| {kind[0]} | {kind[2]} | {elements:,} | {bytes_each} | {ratios} |", flush=True)


main()
