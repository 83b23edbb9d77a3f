"""What can go wrong between a primary and a stock replica: each case ends with the replica level again, by itself."""
import os
import time

from harness import alone, contains, equal, eventually, only, timeout
from proxy import Proxy
from test_replication_primary import info
from tree import OPTIONS

POPULATED = 20000
VALUE = "v" * 10000


def throttled(ctx, rate, *options):
    """A primary, and a replica that gets its dump at this rate: they are linked by the proxy."""
    primary = ctx.server(*OPTIONS, "--repl-backlog-size", "1mb", "--client-output-buffer-limit", "replica", "1mb", "0", "0", *options)
    primary.client()("DEBUG", "POPULATE", POPULATED, "key", 100)
    front = Proxy(primary.port)
    front.throttle("down", rate)
    replica = ctx.oracle("--replicaof", f"127.0.0.1 {front.port}", "--repl-timeout", "30")
    eventually(lambda: "Starting a dump" in primary.log_text(), 20, "the dump's beginning")
    return primary, front, replica


def write(client, megabytes):
    for n in range(megabytes):
        client.pipeline([("SET", f"w{i}", n, "KEEPTTL") if i % 10 == 0 else ("SET", f"w{i}", VALUE) for i in range(110)])


def wait_until_equal(primary, replica, seconds=30):
    def level():
        client = replica.client()
        return info(client, "master_link_status") == "up" and info(client, "slave_repl_offset") == info(primary.client(), "master_repl_offset")

    eventually(level, seconds, "the replica level")
    equal(replica.client()("DEBUG", "DIGEST"), primary.client()("DEBUG", "DIGEST"))


# ---- a replica that is slower than the writers ----


@only("gyre")
@alone
@timeout(60)
def test_a_slow_link_takes_one_full_sync(ctx):
    """What is written while the dump goes through is many times what memory may keep for the replica."""
    primary, front, replica = throttled(ctx, 3e5)
    client = primary.client()
    before = int(info(client, "used_memory"))
    write(client, 80)
    equal(info(client, "connected_slaves"), "1")
    contains(primary.log_text(), "is kept in a file for it")
    eventually(lambda: int(info(client, "used_memory")) < before + 12_000_000, 10, "the stream in the file and not in memory")
    equal([name for name in os.listdir(primary.folder) if "repl" in name], [], "the file has no name")
    front.throttle("down", 2e7)  # as it goes on from the file, more is written
    eventually(lambda: "succeeded" in primary.log_text(), 30, "the dump sent")
    write(client, 20)
    front.heal()
    wait_until_equal(primary, replica)
    client("SET", "after", "that")
    wait_until_equal(primary, replica)
    equal([info(client, "sync_full"), info(client, "sync_partial_ok")], ["1", "0"])
    front.close()


@only("gyre")
@timeout(60)
def test_a_disk_that_is_full_costs_the_replica_only(ctx):
    primary, front, replica = throttled(ctx, 3e5)
    client = primary.client()
    time.sleep(0.5)  # the dump is in its file
    client("DEBUG", "FILE-FAULT", "write", 0, "ENOSPC")
    write(client, 8)
    eventually(lambda: "no file could keep it: No space left on device" in primary.log_text(), 10, "the reason in the log")
    equal(client("GET", "w1"), VALUE.encode())
    client("DEBUG", "FILE-FAULT", "HEAL")
    front.heal()
    wait_until_equal(primary, replica)
    equal(info(client, "sync_full"), "2")
    front.close()


@only("gyre")
@timeout(60)
def test_the_file_has_a_bound(ctx):
    primary, front, replica = throttled(ctx, 1e6, "--repl-spill-max-size", "4mb")
    client = primary.client()
    write(client, 12)
    eventually(lambda: "and repl-spill-max-size beyond that" in primary.log_text(), 10, "the reason in the log")
    front.heal()
    wait_until_equal(primary, replica)
    client("CONFIG", "SET", "repl-spill-max-size", 0)
    equal(info(client, "sync_full"), "2")
    front.close()
