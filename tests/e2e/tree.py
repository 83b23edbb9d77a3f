"""Trees of servers that replicate from each other, every link through a proxy, and clients that write to the root.

A Node keeps its address (that of its proxy) while its server is restarted, so those who follow it find it again.
`Writers` write at the root as fast as they are answered: transactions whose keys show whether a reader saw all of one, and
commands of every kind.
"""
import random
import threading
import time

from harness import eventually
from proxy import Proxy
from resp import Client, Closed, Error

# Partial resynchronisation has to be possible after anything that takes seconds.
OPTIONS = ("--repl-diskless-sync-delay", "0", "--repl-backlog-size", "64mb", "--repl-timeout", "10", "--repl-ping-replica-period", "1")


class Node:
    def __init__(self, ctx, kind, name, *options):
        self.name, self.parent = name, None
        # A clean end writes the dataset, with the place in history that belongs to it.
        self.server = ctx.server(*OPTIONS, "--save", "100000 1", "--shards", "2", *options, kind=kind)
        self.base = list(self.server.options)
        self.front = Proxy(self.server.port)

    def client(self):
        return self.server.client()

    def info(self, field):
        with self.client() as client:
            for line in client("INFO", "everything").decode().splitlines():
                if line.startswith(field + ":"):
                    return line.split(":", 1)[1]
        raise AssertionError(f"{self.name} has no {field}")

    def follow(self, parent):
        """None: it stands alone."""
        self.parent = parent
        words = ("NO", "ONE") if parent is None else ("127.0.0.1", parent.front.port)
        with self.client() as client:
            reply = client("REPLICAOF", *words)
        assert not isinstance(reply, Error), f"{self.name}: {reply}"

    def restart(self, kill=False):
        if kill:
            self.server.kill()
        else:
            self.server.stop()
        self.server.options = self.base + (["--replicaof", f"127.0.0.1 {self.parent.front.port}"] if self.parent else [])
        self.server.start()
        self.front.target = self.server.port

    def is_linked(self):
        return self.parent is None or self.info("master_link_status") == "up"

    def offset(self):
        return int(self.info("master_repl_offset"))

    def digest(self):
        with self.client() as client:
            return client("DEBUG", "DIGEST")

    def close(self):
        self.front.close()


def full_syncs(nodes):
    """How many were served by all of these since each of them was started."""
    return sum(int(node.info("sync_full")) for node in nodes)


def wait_until_alike(nodes, seconds=60):
    """Until all are linked and have come to the same offset. Then they have to hold the same."""
    eventually(lambda: all(node.is_linked() for node in nodes), seconds, "every link up")
    last = []

    def level():
        last[:] = [node.offset() for node in nodes]
        return len(set(last)) == 1

    try:
        eventually(level, seconds, "every node at one offset")
    except AssertionError as error:
        raise AssertionError(f"{error}: {dict(zip((n.name for n in nodes), last))}") from None
    digests = {node.name: node.digest() for node in nodes}
    assert len(set(digests.values())) == 1, f"the same offset, but {digests}"


def command_of_any_kind(rng, number):
    key = f"{rng.choice('abcdefgh')}{rng.randrange(30)}"
    return rng.choice((
        ("SET", "s" + key, f"value {number}"), ("SET", "e" + key, number, "EX", 10000), ("INCR", "i" + key), ("APPEND", "s" + key, "+"),
        ("INCRBYFLOAT", "f" + key, "0.5"), ("DEL", "s" + key, "l" + key), ("RPUSH", "l" + key, number, number + 1), ("LPOP", "l" + key),
        ("LMOVE", "l" + key, "lother", "LEFT", "RIGHT"), ("LTRIM", "lother", 0, 50), ("SADD", "t" + key, number % 50, number % 60), ("SPOP", "t" + key),
        ("HSET", "h" + key, f"f{number % 40}", number), ("HINCRBY", "h" + key, "count", 2), ("ZADD", "z" + key, number % 70, number % 40),
        ("ZPOPMIN", "z" + key), ("EXPIRE", "i" + key, 5000), ("RENAME", "s" + key, "s" + key[::-1]), ("COPY", "h" + key, "hcopy", "REPLACE"),
        ("SETRANGE", "b" + key, number % 100, "xyz"), ("BITFIELD", "b" + key, "INCRBY", "u8", 3, 1), ("ZUNIONSTORE", "zsum", 2, "z" + key, "za1"),
    ))


class Writers:
    """Clients that write at `root` until stop(). While pause() holds they wait."""

    def __init__(self, root, count=3, seed=0, pace_s=0.0):
        self.root, self.problems, self.written = root, [], [0] * count
        self._over, self._paused, self._idle = False, False, [False] * count
        self._pace_s = pace_s
        self.threads = [threading.Thread(target=self._write, args=(n, random.Random(seed + n)), daemon=True) for n in range(count)]
        for thread in self.threads:
            thread.start()

    def _batch(self, number, rng, n):
        batch = [command_of_any_kind(rng, n) for _ in range(20)]
        batch += [("MULTI",), *(("SET", f"n:{number}:{i}", n * i) for i in range(1, 6)), ("EXEC",)]
        return batch

    def _write(self, number, rng):
        n, root, client = 0, None, None
        try:
            while not self._over:
                if self._paused:
                    self._idle[number] = True
                    time.sleep(0.002)
                    continue
                self._idle[number] = False
                if root is not self.root:
                    root = self.root
                    client = root.client()
                n += 1
                try:
                    replies = client.pipeline(self._batch(number, rng, n))
                except (Closed, OSError):  # it was restarted
                    time.sleep(0.05)
                    root = None
                    continue
                assert not isinstance(replies[-1], Error), replies[-1]
                self.written[number] = n
                time.sleep(self._pace_s)
        except Exception as error:  # pylint: disable=broad-except
            self.problems.append(error)

    def pause(self):
        self._paused = True
        eventually(lambda: self.problems or all(self._idle), 20, "the writers' pause")
        for number in range(len(self._idle)):
            self._idle[number] = False

    def go_on(self, root=None):
        self.root = root or self.root
        self._paused = False

    def stop(self):
        self._over = True
        for thread in self.threads:
            thread.join()
        assert not self.problems, self.problems


class Readers:
    """Read at nodes all the time: of each writer's transactions they have to see whole ones, and never an older after a newer."""

    def __init__(self, nodes, writers):
        self.problems, self.seen, self._over = [], 0, False
        self.writers = writers
        self.threads = [threading.Thread(target=self._read, args=(node,), daemon=True) for node in nodes]
        for thread in self.threads:
            thread.start()

    def _read(self, node):
        last = [0] * len(self.writers.written)
        client = None
        while not self._over:
            try:
                client = client or Client(node.server.port)
                for number in range(len(last)):
                    found = client("MGET", *(f"n:{number}:{i}" for i in range(1, 6)))
                    if isinstance(found, Error):  # it loads, or has lost its data for a full one
                        continue
                    values = [int(value or 0) for value in found]
                    if values != [values[0] * i for i in range(1, 6)]:
                        self.problems.append(f"{node.name} showed half a transaction: {values}")
                    if values[0] < last[number]:
                        self.problems.append(f"{node.name} went back from {last[number]} to {values[0]}")
                    last[number] = values[0]
                    self.seen += 1
                time.sleep(0.005)
            except (Closed, OSError):
                client = None
                time.sleep(0.05)

    def stop(self):
        self._over = True
        for thread in self.threads:
            thread.join()
        assert not self.problems, self.problems[:3]
        assert self.seen > 0
