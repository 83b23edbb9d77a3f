#!/usr/bin/python3
"""sorted_set.py: the server's CPU per operation on one large sorted set, Gyre beside redis-server.

    bench/sorted_set.py [--members 10000000] [--operations 1000000] [--pipeline 16] [--only zadd,zrangebyscore,...]

Fills one sorted set with so many members of random scores, in random order, then runs redis-benchmark (50 clients) on it: zadd gives
members new scores, zrangebyscore lists ten items from a score on, zpopmin takes the lowest out. The server is pinned to one processor,
the load to another. Prints a table in Markdown with the memory a member takes first; the last column is Gyre's part of redis-server's.
"""
import argparse
import random
import subprocess

from servers import Server, encode

FILL_PAIRS, FILL_BATCH = 50, 100  # members in a command, commands in flight
SCORES = 10_000_000

COMMANDS = {"zadd": ["ZADD", "z", "__rand_int__", "element:__rand_int__"], "zscore": ["ZSCORE", "z", "element:__rand_int__"],
            "zrank": ["ZRANK", "z", "element:__rand_int__"],
            "zrangebyscore": ["ZRANGEBYSCORE", "z", "__rand_int__", "+inf", "LIMIT", "0", "10"],
            "zcount": ["ZCOUNT", "z", "__rand_int__", "+inf"], "zpopmin": ["ZPOPMIN", "z"]}
BY_DEFAULT = "zadd,zrangebyscore,zscore,zrank,zpopmin"


def fill(client, members):
    """The names are those that redis-benchmark makes of __rand_int__."""
    chance = random.Random(1)
    order = list(range(members))
    chance.shuffle(order)
    step = FILL_PAIRS * FILL_BATCH
    for at in range(0, members, step):
        batch = order[at:at + step]
        commands = [encode("ZADD", "z", *[part for n in batch[i:i + FILL_PAIRS] for part in (chance.randrange(SCORES), "element:%012d" % n)])
                    for i in range(0, len(batch), FILL_PAIRS)]
        client.send(b"".join(commands))
        for _ in commands:
            client.read()
    assert client("ZCARD", "z") == members


def operate(server, options, name):
    """CPU microseconds of the server per operation."""
    started = server.cpu_seconds()
    subprocess.run(["taskset", "-c", "1", "redis-benchmark", "-p", str(server.port), "-c", "50", "-P", str(options.pipeline), "-n",
                    str(options.operations), "-r", str(options.members), "-q", *COMMANDS[name]], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True)
    return (server.cpu_seconds() - started) / options.operations * 1e6


def measure(options, kind):
    extra = ["--shards", "1"] if kind == "gyre" else []
    with Server(kind, *extra, cpus="0") as server:
        before, started = int(server.client.info("used_memory")), server.cpu_seconds()
        fill(server.client, options.members)
        figures = {"fill, µs a member": (server.cpu_seconds() - started) / options.members * 1e6}
        figures["bytes a member"] = (int(server.client.info("used_memory")) - before) / options.members
        for name in options.only.split(","):
            figures[f"{name}, µs"] = operate(server, options, name)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=10_000_000)
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--pipeline", type=int, default=16)
    parser.add_argument("--only", default=BY_DEFAULT, help=f"of {', '.join(COMMANDS)}")
    options = parser.parse_args()
    redis, gyre = measure(options, "redis"), measure(options, "gyre")
    print(f"| one sorted set of {options.members:,} members | redis-server | gyre | ratio |")
    print("|---|---|---|---|")
    for name, figure in redis.items():
        print(f"| {name} | {figure:.2f} | {gyre[name]:.2f} | {gyre[name] / figure:.2f} |")


main()
