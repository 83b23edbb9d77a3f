#!/usr/bin/python3
"""memory_account.py: whether used_memory is what is really used: its growth beside that of resident memory.

    bench/memory_account.py [--megabytes 1024]

Fills a server with mixed values (integers, 10 to 100 bytes, 1 KiB, 20 KiB; a quarter with an expiry), overwrites a
third of them with other sizes, and compares what INFO says with what the kernel says.
"""
import argparse
import random

from servers import Server, encode

SIZES = (0, 10, 30, 60, 100, 100, 300, 1024, 1024, 20000)


def command(generator, number):
    size = generator.choice(SIZES)
    value = str(generator.randrange(10 ** 9)) if size == 0 else b"x" * size
    expiry = ("EX", 86400) if number % 4 == 0 else ()
    return encode("SET", "key:%d:%s" % (number, "p" * (number % 23)), value, *expiry)


def fill(client, generator, numbers):
    for at in range(0, len(numbers), 500):
        batch = numbers[at:at + 500]
        client.send(b"".join(command(generator, n) for n in batch))
        for _ in batch:
            client.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1024)
    options = parser.parse_args()
    print("| server | keys | used_memory growth MiB | resident growth MiB | difference |")
    print("|---|---|---|---|---|")
    for kind in ("redis", "gyre"):
        with Server(kind, *(["--shards", "2"] if kind == "gyre" else [])) as server:
            generator, keys = random.Random(1), 0
            used, resident = int(server.client.info("used_memory")), server.resident_bytes()
            while int(server.client.info("used_memory")) - used < options.megabytes << 20:
                fill(server.client, generator, range(keys, keys + 10000))
                keys += 10000
            fill(server.client, generator, [generator.randrange(keys) for _ in range(keys // 3)])
            used, resident = int(server.client.info("used_memory")) - used, server.resident_bytes() - resident
            print(f"| {kind} | {keys} | {used / 2**20:.0f} | {resident / 2**20:.0f} | {(resident - used) / resident * 100:+.1f}% |", flush=True)


main()
