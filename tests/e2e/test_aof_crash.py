"""kill -9 at a random moment, restart, and look what the append-only file has kept.

Several clients write under MULTI and alone, on keys of many slices, while another asks for rewrites and snapshots. After
each crash the server starts from what it left behind, and then:

  - each transaction is whole: the keys that it sets together are equal;
  - what is there is a prefix of what each client did, across its keys: a later key is never ahead of an earlier one;
  - nothing is there that nobody sent;
  - appendfsync always: everything that was acknowledged is there, and everything that a reader was shown;
  - appendfsync everysec: everything that was acknowledged more than two seconds before the crash.

    GYRE_CRASHES=200 tests/run.py e2e -k aof_crash      the long run
"""
import os
import random
import threading
import time

from harness import eventually, only, timeout
from resp import Client, Error, encode

WRITERS = 4
CRASHES = int(os.environ.get("GYRE_CRASHES", "0"))


class Writer(threading.Thread):
    """Counts up: a transaction over keys a and b, then key p, then key q; keeps what was acknowledged, and when."""

    def __init__(self, port, number, first):
        super().__init__(daemon=True)
        self.port, self.number, self.n = port, number, first
        self.sent, self.acknowledged = first, [(0.0, first)]

    def key(self, name):
        return f"w{self.number}:{name}"

    def run(self):
        try:
            with Client(self.port, timeout=20) as client:
                while True:
                    self.sent = self.n + 1
                    value = str(self.sent)
                    batch = [["MULTI"], ["SET", self.key("a"), value], ["RPUSH", self.key("list"), value], ["SET", self.key("b"), value],
                             ["EXEC"], ["SET", self.key("p"), value], ["SET", self.key("q"), value]]
                    client.send(b"".join(encode(*command) for command in batch))
                    replies = [client.read() for _ in batch]
                    if any(isinstance(reply, Error) for reply in replies):
                        return
                    self.n = self.sent
                    self.acknowledged.append((time.monotonic(), self.n))
        except Exception:  # pylint: disable=broad-except
            return  # the crash


class Reader(threading.Thread):
    """Remembers the highest that it was shown of each writer."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.shown = port, [0] * WRITERS

    def run(self):
        try:
            with Client(self.port, timeout=20) as client:
                while True:
                    for i, value in enumerate(client("MGET", *[f"w{i}:q" for i in range(WRITERS)])):
                        self.shown[i] = int(value or 0)
        except Exception:  # pylint: disable=broad-except
            return


def disturb(port, stop, dice):
    """Rewrites and snapshots at random moments."""
    try:
        with Client(port, timeout=20) as client:
            while not stop.is_set():
                client(dice.choice(["BGREWRITEAOF", "BGREWRITEAOF", "BGSAVE"]))
                time.sleep(dice.random() * 0.2)
    except Exception:  # pylint: disable=broad-except
        return


def numbers(client, i):
    values = [int(value or 0) for value in client("MGET", f"w{i}:a", f"w{i}:b", f"w{i}:p", f"w{i}:q")]
    last = client("LRANGE", f"w{i}:list", "-1", "-1")
    return values + [int(last[0]) if last else 0, client("LLEN", f"w{i}:list")]


def check(client, writers, reader, always, crashed):
    found = []
    for writer in writers:
        a, b, p, q, last, length = numbers(client, writer.number)
        said = f"writer {writer.number}: a {a} b {b} p {p} q {q} list {last} of {length}, sent {writer.sent}, acknowledged {writer.n}"
        assert a == b == last == length, f"a transaction in halves: {said}"
        assert a >= p >= q >= a - 1, f"no prefix: {said}"
        assert a <= writer.sent, f"from nowhere: {said}"
        kept = writer.n if always else max(n for when, n in writer.acknowledged if when < crashed - 2)
        assert q >= kept, f"lost what was acknowledged ({kept}): {said}"
        if always:
            assert q >= reader.shown[writer.number], f"lost what was shown ({reader.shown[writer.number]}): {said}"
        found.append(a)
    return found


def crash_often(ctx, fsync, crashes):
    dice = random.Random(ctx.seed)
    server = ctx.server("--shards", "4", "--appendonly", "yes", "--appendfsync", fsync)
    counts = [0] * WRITERS
    for _ in range(crashes):
        writers = [Writer(server.port, i, counts[i]) for i in range(WRITERS)]
        reader, stop = Reader(server.port), threading.Event()
        disturber = threading.Thread(target=disturb, args=(server.port, stop, random.Random(dice.random())), daemon=True)
        threads = [*writers, reader, disturber]
        for thread in threads:
            thread.start()
        time.sleep(0.1 + dice.random() * (0.9 if fsync == "always" else 2.9))
        server.kill()
        crashed = time.monotonic()
        stop.set()
        for thread in threads:
            thread.join(20)
        server.start()
        with server.client() as client:
            eventually(lambda: not isinstance(client("GET", "a"), Error), seconds=30, what="the end of loading")
            counts = check(client, writers, reader, fsync == "always", crashed)


@only("gyre")
@timeout(60 + 10 * CRASHES)
def test_always(ctx):
    crash_often(ctx, "always", CRASHES or ctx.scaled(6))


@only("gyre")
@timeout(60 + 10 * CRASHES)
def test_everysec(ctx):
    crash_often(ctx, "everysec", CRASHES or ctx.scaled(4))
