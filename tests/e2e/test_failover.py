"""FAILOVER: a primary hands its role to a replica while clients write; nothing that was acknowledged is lost, and everybody goes on
partially."""
import time

from harness import contains, equal, eventually, only, timeout
from proxy import Proxy
from resp import Error
from test_replication_primary import info, wait_until_level
from tree import OPTIONS


def start(ctx, kind, *options):
    return ctx.server(*OPTIONS, "--save", "", *options, kind=kind)


def follow(replica, primary):
    equal(replica.client()("REPLICAOF", "127.0.0.1", primary.port), "OK")
    eventually(lambda: info(replica.client(), "master_link_status") == "up", 20, "the link")


def write_until_refused(client):
    """Counts up until an error comes; returns the last number that was acknowledged, and the error."""
    for number in range(1, 10**9):
        reply = client("SET", "counter", number)
        if isinstance(reply, Error):
            return number - 1, str(reply)
    return 0, ""


@only("gyre")
@timeout(90)
def test_roles_change_under_load(ctx):
    for kinds in (("gyre", "gyre"), ("gyre", "redis"), ("redis", "gyre")):
        primary, replica = (start(ctx, kind) for kind in kinds)
        other = start(ctx, "gyre")
        follow(replica, primary)
        follow(other, primary)
        client = primary.client()
        client("SET", "before", 1)
        equal(client("FAILOVER", "TO", "127.0.0.1", replica.port, "TIMEOUT", 20000), "OK")
        last, error = write_until_refused(client)
        contains(error, "READONLY")
        eventually(lambda new=replica: info(new.client(), "role") == "master", 10, "the new primary")
        eventually(lambda old=primary: info(old.client(), "master_link_status") == "up", 10, "the old one behind it")
        equal(int(replica.client()("GET", "counter") or 0), last)
        equal(info(client, "master_failover_state"), "no-failover")
        equal(info(replica.client(), "sync_full"), "0")
        follow(other, replica)
        equal(replica.client()("INCR", "counter"), last + 1)
        wait_until_level(replica, primary, other)
        equal([server.client()("GET", "counter") for server in (primary, other)], [b"%d" % (last + 1)] * 2)
        equal(info(replica.client(), "sync_full"), "0")
        for server in (other, replica, primary):
            server.stop()


def send_a_write_that_is_held_back(writer, reader):
    """From the answer to the order on, and whatever is done about pauses."""
    before = reader("GET", "k")
    writer.send_command("INCR", "k")
    equal(reader("CLIENT", "PAUSE", 1, "WRITE"), "OK")
    equal(reader("CLIENT", "UNPAUSE"), "OK")
    time.sleep(0.2)
    equal(reader("GET", "k"), before)


@only("gyre")
@timeout(60)
def test_a_failover_that_does_not_come_about(ctx):
    """No replica has everything in time: the writes go on, at the time limit or when it is aborted."""
    primary = start(ctx, "gyre")
    replica = start(ctx, "redis")
    front = Proxy(replica.port)
    client, waiting = primary.client(), primary.client()
    gate = Proxy(primary.port)
    equal(replica.client()("REPLICAOF", "127.0.0.1", gate.port), "OK")
    eventually(lambda: info(replica.client(), "master_link_status") == "up", 20, "the link")
    client("SET", "k", 1)
    gate.silence(True)
    client("SET", "k", 2)
    for order in (("TIMEOUT", 3000), ()):
        equal(client("FAILOVER", *order), "OK")
        send_a_write_that_is_held_back(waiting, client)
        equal(info(client, "master_failover_state"), "waiting-for-sync")
        equal(client("FAILOVER"), Error("ERR FAILOVER already in progress."))
        contains(str(client("REPLICAOF", "127.0.0.1", 1)), "REPLICAOF not allowed while failing over")
        if not order:
            equal(client("FAILOVER", "ABORT"), "OK")
        assert isinstance(waiting.read(), int)
        eventually(lambda: info(client, "master_failover_state") == "no-failover", 5, "the state")
    equal(client("FAILOVER", "ABORT"), Error("ERR No failover in progress."))
    gate.heal()
    front.close()
    gate.close()


@only("gyre")
def test_orders_that_make_no_sense(ctx):
    """As redis-server answers them."""
    primary, oracle = start(ctx, "gyre"), start(ctx, "redis")
    first, second = start(ctx, "redis"), start(ctx, "redis")
    orders = [words.split() for words in (
        "abort", "to a b", "to a 1", "to a 1 force", "to a 1 force timeout 5", "force timeout 5", "timeout 0", "timeout -1", "timeout x", "foo",
        "abort timeout 5", "timeout 5 timeout 6", "to a 1 to b 2", "to a", "timeout", "force force")]
    for words in orders:
        equal(primary.client()("FAILOVER", *words), oracle.client()("FAILOVER", *words), words)
    follow(first, primary)
    follow(second, oracle)
    for words in orders:
        equal(primary.client()("FAILOVER", *words), oracle.client()("FAILOVER", *words), words)
    follow(primary, oracle)
    equal(primary.client()("FAILOVER"), second.client()("FAILOVER"))
    equal(primary.client()("PSYNC", "x", 1, "FAILOVER"), second.client()("PSYNC", "x", 1, "FAILOVER"))
    equal(oracle.client()("PSYNC", "x", 1, "FAILOVER"), Error("ERR PSYNC FAILOVER can't be sent to a master."))
