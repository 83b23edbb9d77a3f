#!/usr/bin/python3
"""hit_ratio.py: how good eviction is: the share of hits on a Zipf workload with the same maxmemory on both servers.

    bench/hit_ratio.py [--keys 1000000] [--theta 0.99] [--maxmemory 60mb] [--requests 3000000] [--policies allkeys-lru,...]

A cache as applications use it: GET, and on a miss SET of a 100-byte value. Requests go in pipelines; the sequence of
keys is the same for both servers. The first half warms up and is not counted.
"""
import argparse
import bisect
import itertools
import random

from servers import Server, encode

BATCH = 500


def sequence(keys, theta, requests, seed=1):
    """Zipf-distributed key numbers, by the inverse of the cumulated weights; popular keys are scattered."""
    weights = list(itertools.accumulate(1 / (rank ** theta) for rank in range(1, keys + 1)))
    names = list(range(keys))
    generator = random.Random(seed)
    generator.shuffle(names)
    for _ in range(requests):
        yield names[bisect.bisect_left(weights, generator.random() * weights[-1])]


def run(kind, policy, options, numbers):
    value, hits, asked = b"v" * 100, 0, 0
    extra = ["--shards", "2"] if kind == "gyre" else []
    with Server(kind, "--maxmemory", options.maxmemory, "--maxmemory-policy", policy, *extra) as server:
        client = server.client
        for at in range(0, len(numbers), BATCH):
            batch = numbers[at:at + BATCH]
            client.send(b"".join(encode("GET", "key:%012d" % n) for n in batch))
            missed = [n for n in batch if client.read() is None]
            if at >= len(numbers) // 2:
                asked += len(batch)
                hits += len(batch) - len(missed)
            client.send(b"".join(encode("SET", "key:%012d" % n, value) for n in missed))
            for _ in missed:
                client.read()
        over = int(client.info("used_memory")) / int(client.info("maxmemory"))
        return hits / asked, client("DBSIZE"), over


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--theta", type=float, default=0.99)
    parser.add_argument("--maxmemory", default="60mb")
    parser.add_argument("--requests", type=int, default=3_000_000)
    parser.add_argument("--policies", default="allkeys-lru,allkeys-lfu,allkeys-random")
    options = parser.parse_args()
    numbers = list(sequence(options.keys, options.theta, options.requests))
    print("| policy | redis-server hits | gyre hits | redis-server keys | gyre keys | gyre used/max |")
    print("|---|---|---|---|---|---|")
    for policy in options.policies.split(","):
        redis, gyre = run("redis", policy, options, numbers), run("gyre", policy, options, numbers)
        print(f"| {policy} | {redis[0]:.4f} | {gyre[0]:.4f} | {redis[1]} | {gyre[1]} | {gyre[2]:.4f} |", flush=True)


main()
