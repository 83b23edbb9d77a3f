"""Snapshots: SAVE, BGSAVE, save points, the file at the start. What is saved is one instant, whatever goes on meanwhile; what
stands on the disk is whole at every instant; redis-server reads ours and we read its."""
import os
import random
import threading
import time

from dataset import dataset, differences, info, restart, set_aside, wait_for_save, wait_until_loaded
from harness import contains, equal, eventually, only, slow, timeout
from resp import Closed, Error, Simple
from test_dump import values

WRITERS = 3


def fill(client):
    """Keys of every type and encoding, in several databases, with and without an end."""
    client.pipeline([*values()])
    client("SELECT", 3)
    client.pipeline([*values()][:200])
    client("SELECT", 15)
    client("SET", "k", "v")
    client("SELECT", 0)
    end = int(time.time() * 1000) + 10**9
    for number, key in enumerate(sorted(client("KEYS", "*"))):
        if number % 3 == 0:
            client("PEXPIREAT", key, end + number)


def start_on(ctx, folder_bytes, *options, kind="gyre", name="dump.rdb"):
    """A server that begins with these bytes as its file."""
    server = ctx.server(*options, kind=kind)
    server.stop() if kind == "gyre" else server.kill()
    with open(os.path.join(server.folder, name), "wb") as file:
        file.write(folder_bytes)
    return server


@timeout(120)
def test_what_is_saved_is_there_again(ctx):
    server = ctx.server()
    client = server.client()
    fill(client)
    before = dataset(client)
    equal(client("SAVE"), Simple("OK"))
    server.stop()
    client = restart(server)
    equal(differences(before, dataset(client)), "")
    for options in (("--shards", "1"), ("--shards", "7"), ("--rdbcompression", "no", "--rdbchecksum", "no")):
        other = start_on(ctx, set_aside(server), *options)
        client = restart(other)
        equal(differences(before, dataset(client)), "", options)
        equal(client("SAVE"), Simple("OK"), options)
        other.stop()
        equal(differences(before, dataset(restart(other))), "", options)


@only("gyre")
@timeout(120)
def test_redis_server_reads_ours_and_we_read_its(ctx):
    server, oracle = ctx.server(), ctx.oracle()
    client, their_client = server.client(), oracle.client()
    fill(client)
    fill(their_client)
    ours, theirs = dataset(client), dataset(their_client)
    for target in (client, their_client):
        equal(target("SAVE"), Simple("OK"))
    reader = start_on(ctx, set_aside(server), kind="redis")
    equal(differences(ours, dataset(restart(reader))), "", "redis-server on our file")
    reader = start_on(ctx, set_aside(oracle))
    equal(differences(theirs, dataset(restart(reader))), "", "ours on redis-server's file")


def test_commands(ctx):
    server = ctx.server()
    client = server.client()
    began = int(time.time())
    equal(client("LASTSAVE") - began in range(-5, 5), True)
    client("SET", "a", "1")
    client("SET", "a", "2")
    equal(info(client, "rdb_changes_since_last_save"), "2")
    equal(client("BGSAVE"), Simple("Background saving started"))
    equal(wait_for_save(client), True)
    equal(info(client, "rdb_changes_since_last_save"), "0")
    equal(info(client, "rdb_last_bgsave_status"), "ok")
    equal(client("BGSAVE", "SCHEDULE"), Simple("Background saving started"))
    wait_for_save(client)
    equal(info(client, "rdb_saves"), "2")
    equal(client("BGSAVE", "SOON"), Error("ERR syntax error"))
    equal(client("BGSAVE", "SCHEDULE", "SCHEDULE"), Error("ERR syntax error"))
    equal(client("MULTI"), Simple("OK"))
    equal(client("BGSAVE"), Simple("QUEUED"))
    equal(client("EXEC"), [Simple("Background saving scheduled")])
    eventually(lambda: info(client, "rdb_saves") == "3", what="the scheduled save")
    wait_for_save(client)
    equal(client("MULTI"), Simple("OK"))
    equal(client("SAVE"), Error("ERR Command not allowed inside a transaction"))
    client("DISCARD")
    equal(client("LASTSAVE") >= began, True)


@timeout(60)
def test_save_points(ctx):
    server = ctx.server("--save", "1 3")
    client = server.client()
    for number in range(3):
        client("SET", f"k{number}", "v")
    eventually(lambda: info(client, "rdb_saves") == "1", 20, "the save")
    contains(server.log_text(), "3 changes in 1 seconds. Saving...")
    equal(info(client, "rdb_changes_since_last_save"), "0")
    client("SET", "k", "v")
    time.sleep(1.5)
    equal(info(client, "rdb_saves"), "1", "too few changes")
    server.stop()
    equal(restart(server)("DBSIZE"), 4, "the end of the server saves too")


@only("gyre")
@timeout(60)
def test_the_file_forgets_what_was_flushed(ctx):
    """Where there are save points; otherwise what was saved comes back."""
    for kind in ("gyre", "redis"):
        for points, left in (("3600 1000", 0), ("", 1)):
            server = ctx.server("--save", points, kind=kind)
            client = server.client()
            client("SET", "k", 1)
            equal(client("SAVE"), "OK")
            saved = os.stat(os.path.join(server.folder, "dump.rdb")).st_ino
            equal(client("FLUSHALL"), "OK")
            if points:
                eventually(lambda server=server, saved=saved: os.stat(os.path.join(server.folder, "dump.rdb")).st_ino != saved, 5, "another file")
            server.kill()
            server.start()
            wait_until_loaded(server.client())
            equal(server.client()("DBSIZE"), left)
            client = server.client()
            for pause_s in (0, 0.05, 0.099, 0.1, 0.101, 0.102):  # whatever is under way of its own accord, who asks is served
                equal(client("FLUSHALL"), "OK")
                time.sleep(pause_s)
                equal(client("SAVE"), "OK")
            server.stop()


def test_nosave_loses_what_save_keeps(ctx):
    server = ctx.server("--save", "3600 1")
    client = server.client()
    client("SET", "a", "1")
    client.send_command("SHUTDOWN", "NOSAVE")
    equal(server.wait(), 0)
    client = restart(server)
    equal(client("DBSIZE"), 0)
    client("SET", "a", "1")
    client("CONFIG", "SET", "save", "")
    client.send_command("SHUTDOWN", "SAVE")
    equal(server.wait(), 0)
    equal(restart(server)("GET", "a"), b"1")


class Script:
    """Commands drawn from a seed, each in a transaction with its number: so a dataset tells how far it got, and another
    server can be brought to the same place."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def key(self):
        return f"key:{self.rng.randrange(4000)}"

    def command(self):
        rng = self.rng
        draw = rng.randrange(1000)
        if draw < 2:
            return ("SWAPDB", "0", "1") if rng.random() < 0.7 else ("FLUSHDB",)
        if draw < 300:
            return "SET", self.key(), "x" * rng.choice((3, 30, 300, 3000, 30000))
        if draw < 400:
            return "DEL", self.key(), self.key()
        if draw < 500:
            return "SADD", f"set:{rng.randrange(40)}", *(rng.randrange(10**6) for _ in range(rng.choice((1, 5, 600))))
        if draw < 600:
            return "RPUSH", f"list:{rng.randrange(40)}", *("e" * rng.randrange(100) for _ in range(rng.choice((1, 5, 300))))
        if draw < 680:
            return "ZADD", f"zset:{rng.randrange(40)}", *(rng.randrange(10**6) for _ in range(2 * rng.choice((1, 5, 300))))
        if draw < 760:
            return "HSET", f"hash:{rng.randrange(40)}", *(rng.randrange(10**6) for _ in range(2 * rng.choice((1, 5, 300))))
        if draw < 800:
            kind = rng.choice(("set", "list", "zset", "hash"))
            return rng.choice((("DEL", f"{kind}:{rng.randrange(40)}"),
                               ("RENAME", f"{kind}:{rng.randrange(40)}", f"{kind}:{rng.randrange(40)}"),
                               ("COPY", f"{kind}:{rng.randrange(40)}", f"{kind}:{rng.randrange(40)}", "REPLACE")))
        if draw < 850:
            return "PEXPIREAT", self.key(), 4 * 10**12 + rng.randrange(10**9)
        if draw < 900:
            return "APPEND", self.key(), "y" * rng.randrange(200)
        if draw < 950:
            return "INCR", f"count:{rng.randrange(300)}"
        return "MOVE", self.key(), "1"

    def transaction(self, number):
        return [("MULTI",), self.command(), ("SELECT", "7"), ("SET", "number", number), ("SELECT", "0"), ("EXEC",)]


class Writer(threading.Thread):
    """Runs the script until told to stop."""

    def __init__(self, server, seed):
        super().__init__(daemon=True)
        self.client, self.script = server.client(), Script(seed)
        self.over, self.problem, self.number = False, None, 0

    def run(self):
        try:
            while not self.over:
                batch = []
                for _ in range(20):
                    self.number += 1
                    batch += self.script.transaction(self.number)
                self.client.pipeline(batch)
        except Exception as error:
            self.problem = error


def replay(client, seed, upto):
    script = Script(seed)
    for start in range(1, upto + 1, 50):
        batch = []
        for number in range(start, min(start + 50, upto + 1)):
            batch += script.transaction(number)
        client.pipeline(batch)


@only("gyre")
@timeout(240)
def test_a_snapshot_is_one_instant(ctx):
    """One client changes everything there is to change while snapshots run one after the other. The state in each file must
    be the one after some number of its commands, exactly."""
    seed = ctx.seed
    server = ctx.server("--shards", "3", "--set-max-intset-entries", "64")
    client = server.client()
    client("DEBUG", "POPULATE", ctx.scaled(60000), "still", 50)
    writer = Writer(server, seed)
    writer.start()
    files = []
    for _ in range(4):
        time.sleep(ctx.scaled(300) / 1000)
        equal(client("BGSAVE"), Simple("Background saving started"))
        equal(wait_for_save(client), True)
        files.append(set_aside(server))
    writer.over = True
    writer.join()
    equal(writer.problem, None)
    reader = ctx.server("--shards", "2", "--set-max-intset-entries", "64")
    oracle = ctx.oracle("--set-max-intset-entries", "64").client()
    upto = 0
    for content in files:
        reader.stop()
        with open(os.path.join(reader.folder, "dump.rdb"), "wb") as file:
            file.write(content)
        saved = {key: value for key, value in dataset(restart(reader)).items() if not key[1].startswith(b"still:")}
        before, upto = upto, int(saved[7, b"number"][3])
        assert upto > before, f"{upto} after {before}"
        oracle("FLUSHALL")
        replay(oracle, seed, upto)
        equal(differences(saved, dataset(oracle)), "", f"after {upto} of {writer.number} commands (seed {seed})")


@only("gyre")
@timeout(240)
def test_every_file_is_one_moment_of_transactions(ctx):
    """Several clients write a number and its multiples to keys of different slices; keys come, go and are evicted beside."""
    server = ctx.server("--shards", "4", "--maxmemory", "60mb", "--maxmemory-policy", "volatile-lru")
    over = False
    problems = []

    def write(number):
        try:
            client, n = server.client(), 0
            while not over:
                batch = []
                for _ in range(10):
                    n += 1
                    batch += [("MULTI",), *(("SET", f"n:{number}:{i}", n * i) for i in range(1, 6)), ("EXEC",)]
                client.pipeline(batch)
        except Exception as error:
            problems.append(error)

    def litter(number):
        try:
            client, rng = server.client(), random.Random(number)
            while not over:
                client.pipeline([("SET", f"litter:{rng.randrange(10**6)}", "x" * rng.randrange(1000), "PX", rng.randrange(1, 100000))
                                 for _ in range(50)])
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=write, args=(i,), daemon=True) for i in range(WRITERS)]
    threads += [threading.Thread(target=litter, args=(i,), daemon=True) for i in range(2)]
    for thread in threads:
        thread.start()
    client = server.client()
    files = []
    for _ in range(max(2, ctx.scaled(5))):
        time.sleep(0.3)
        equal(client("BGSAVE"), Simple("Background saving started"))
        equal(wait_for_save(client), True)
        files.append(set_aside(server))
    over = True
    for thread in threads:
        thread.join()
    equal(problems, [])
    reader = ctx.server()
    last = [0] * WRITERS
    for content in files:
        reader.stop()
        with open(os.path.join(reader.folder, "dump.rdb"), "wb") as file:
            file.write(content)
        client = restart(reader)
        for number in range(WRITERS):
            found = [int(value) for value in client("MGET", *(f"n:{number}:{i}" for i in range(1, 6)))]
            equal(found, [found[0] * i for i in range(1, 6)])
            assert found[0] > last[number]
            last[number] = found[0]


@only("gyre")
@timeout(120)
@slow
def test_large_values_are_saved_in_pieces(ctx):
    """While the disk hangs, a client that changes a large value waits until it is saved, not for the disk; others are not
    concerned; and what is saved are the old values."""
    server = ctx.server("--shards", "2")
    client = server.client()
    for start in range(0, 60000, 5000):
        client("ZADD", "changed", *(f"{n}" for n in range(start, start + 5000) for _ in (0, 1)))
    client("SET", "string", "s" * 10_000_000)
    for key in ("deleted", "renamed", "replaced", "expiring", "same"):
        client("COPY", "changed", key)
        client("COPY", "string", f"{key}-string")
    client("DEBUG", "POPULATE", 20000, "small", 1000)
    before = dataset(client)
    equal(client("DEBUG", "FILE-FAULT", "write", 1, "HANG"), Simple("OK"))
    equal(client("BGSAVE"), Simple("Background saving started"))
    for key in ("", "-string"):
        client("DEL", f"deleted{key}")
        client("RENAME", f"renamed{key}", f"{{renamed}}other{key}")
        client("SET", f"replaced{key}", "small")
        client("PEXPIRE", f"expiring{key}", 10**9)
    equal(client("ZADD", "changed", 1, "new"), 1)
    equal(client("ZADD", "{renamed}other", 1, "new"), 1)
    equal(client("APPEND", "string", "x"), 10_000_001)
    equal(info(client, "rdb_bgsave_in_progress"), "1", "the disk hangs still")
    client("DEBUG", "FILE-FAULT", "HEAL")
    equal(wait_for_save(client), True)
    saved = set_aside(server)
    equal(client("ZCARD", "changed"), 60001)
    reader = start_on(ctx, saved, "--shards", "3")
    equal(differences(before, dataset(restart(reader))), "")
    reader = start_on(ctx, saved, kind="redis")
    equal(differences(before, dataset(restart(reader))), "")


@only("gyre")
@timeout(120)
def test_errors_leave_the_old_file_and_say_so(ctx):
    server = ctx.server("--save", "3600 1")
    client = server.client()
    client("SET", "k", "old")
    equal(client("SAVE"), Simple("OK"))
    old = set_aside(server)
    client("DEBUG", "POPULATE", 50000)
    for kind, after, error, what in (
        ("open", 0, "EMFILE", "Failed opening the temp RDB file"), ("write", 0, "ENOSPC", "Write error saving DB on disk"),
        ("write", 3, "EIO", "Write error saving DB on disk"), ("sync", 0, "EIO", "cannot sync"),
        ("rename", 0, "EACCES", "Error moving the temporary DB file"),
    ):
        equal(client("DEBUG", "FILE-FAULT", kind, after, error), Simple("OK"))
        equal(client("SAVE"), Error("ERR"), kind)
        equal(info(client, "rdb_last_bgsave_status"), "err", kind)
        contains(server.log_text(), what)
        equal(set_aside(server) == old, True, f"the old file after a failed {kind}")
        equal(sorted(name for name in os.listdir(server.folder) if name.startswith("temp-")), [], kind)
        assert str(client("SET", "k", "new")).startswith("MISCONF Redis is configured to save RDB snapshots"), kind
        assert str(client("PING")).startswith("MISCONF"), kind
        equal(client("GET", "k"), b"old", "reads go on")
        client("DEBUG", "FILE-FAULT", "HEAL")
        equal(client("SAVE"), Simple("OK"), kind)
        equal(client("SET", "k", "old"), Simple("OK"), "service returns")
        old = set_aside(server)
    server.stop()
    equal(restart(server)("DBSIZE"), 50001)


@only("gyre")
@timeout(180)
def test_killed_at_any_moment_the_file_is_whole(ctx):
    rng = random.Random(ctx.seed)
    server = ctx.server("--shards", "2")
    client = server.client()
    client("DEBUG", "POPULATE", 30000, "k", 100)
    client("SET", "number", 0)
    equal(client("SAVE"), Simple("OK"))
    for number in range(1, ctx.scaled(24) + 1):
        client("SET", "number", number)
        client("BGSAVE")
        time.sleep(rng.random() * 0.1)
        server.kill()
        client = restart(server)
        found = int(client("GET", "number"))
        assert found in (number - 1, number), f"{found} in round {number}"
        equal(client("DBSIZE"), 30001)
        client("SET", "number", number)
        equal(client("SAVE"), Simple("OK"))


def end_of_start(server):
    """How a server that does not start ends, and its last words."""
    process = server.process
    status = process.wait(30)
    return status, server.log_text()


@only("gyre")
@timeout(180)
def test_a_damaged_file_is_refused(ctx):
    server = ctx.server("--shards", "2")
    client = server.client()
    client.pipeline([*values()][:400])
    equal(client("SAVE"), Simple("OK"))
    whole = set_aside(server)
    server.stop()
    rng = random.Random(ctx.seed)
    path = os.path.join(server.folder, "dump.rdb")

    def start_with(content):
        with open(path, "wb") as file:
            file.write(content)
        try:
            server.start()
            wait_until_loaded(server.client())
        except (RuntimeError, Closed, OSError):
            server.process.wait(30)
            return False
        server.kill()
        return True

    for cut in [0, 1, 8, 9, 10, len(whole) - 1, len(whole) - 8, len(whole) - 9, *(rng.randrange(len(whole)) for _ in range(ctx.scaled(6)))]:
        equal(start_with(whole[:cut]), False, f"{cut} of {len(whole)} bytes")
        contains(server.log_text(), "Fatal error loading the DB")
        contains(server.log_text(), "at offset")
        equal(server.process.returncode, 1)
    for _ in range(ctx.scaled(10)):
        at, bit = rng.randrange(9, len(whole)), 1 << rng.randrange(8)
        content = bytearray(whole)
        content[at] ^= bit
        equal(start_with(bytes(content)), False, f"bit {bit} of byte {at}")
    equal(start_with(whole), True)


@only("gyre")
@timeout(120)
def test_while_loading_clients_are_told(ctx):
    server = ctx.server("--shards", "1", "--save", "3600 1")
    client = server.client()
    keys = ctx.scaled(1500000)
    client("DEBUG", "POPULATE", keys, "k", 20)
    server.stop(timeout=60)
    server.start()
    client = server.client()
    seen = client("PING")
    if seen != Simple("PONG"):
        equal(client("GET", "k:1"), Error("LOADING Redis is loading the dataset in memory"))
        for name in ("loading_start_time", "loading_total_bytes", "loading_loaded_bytes", "loading_loaded_perc", "loading_eta_seconds"):
            info(client, name)
        wait_until_loaded(client)
    equal(client("DBSIZE"), keys)
    equal(info(client, "rdb_last_load_keys_loaded"), str(keys))


@only("gyre")
def test_keys_past_their_time_are_left_out(ctx):
    server = ctx.server()
    client = server.client()
    client("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    client("SET", "gone", "v", "PX", 1)
    client("SET", "there", "v", "EX", 1000)
    time.sleep(0.05)
    equal(client("SAVE"), Simple("OK"))
    server.stop()
    client = restart(server)
    equal(client("DBSIZE"), 1)
    equal(info(client, "rdb_last_load_keys_expired"), "1")
    equal(info(client, "rdb_last_load_keys_loaded"), "1")


@only("gyre")
@timeout(60)
def test_snapshots_and_rewrites_take_turns(ctx):
    """Both are dumps, of which there is one at a time: asked for in the same moment, one waits for the other."""
    server = ctx.server("--appendonly", "yes", "--shards", "2")
    one, other = server.client(), server.client()
    one("DEBUG", "POPULATE", 2000)
    rng = random.Random(ctx.seed)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        time.sleep(rng.random() * 0.03)
        one.send_command("BGSAVE")
        other.send_command("BGREWRITEAOF")
        one.read()
        other.read()
    eventually(lambda: info(one, "rdb_bgsave_in_progress") == "0" and info(one, "aof_rewrite_in_progress") == "0"
               and info(one, "aof_rewrite_scheduled") == "0", 30, "the end of both")
    equal(info(one, "rdb_last_bgsave_status"), "ok")
    equal(info(one, "aof_last_bgrewrite_status"), "ok")
    assert int(info(one, "rdb_saves")) > 1 and int(info(one, "aof_rewrites")) > 1
