"""What the options of replication do, and how they are spelled: as redis-server has them."""
import random
import threading
import time

from harness import contains, equal, eventually, only, timeout
from resp import Error
from test_replication_primary import info, wait_until_level
from test_replication_replica import primary_of, wait_for_link
from tree import OPTIONS

#         option, its old spelling, values that are set one after the other (most of them wrong), the one to end with
SETTINGS = [("replica-serve-stale-data", "slave-serve-stale-data", ("no", "maybe", ""), "yes"),
            ("replica-read-only", "slave-read-only", ("no", "x"), "yes"),
            ("replica-ignore-maxmemory", "slave-ignore-maxmemory", ("no", "1"), "yes"),
            ("replica-lazy-flush", "slave-lazy-flush", ("yes", "2"), "no"),
            ("replica-priority", "slave-priority", ("0", "-1", "x", "2147483647", "2147483648"), "100"),
            ("replica-announce-ip", "slave-announce-ip", ("10.0.0.1", ""), ""),
            ("replica-announce-port", "slave-announce-port", ("65535", "65536", "-1"), "0"),
            ("repl-diskless-sync", None, ("no", "x"), "yes"),
            ("repl-diskless-sync-delay", None, ("0", "-1", "5"), "0"),
            ("repl-diskless-sync-max-replicas", None, ("3", "-1", "x"), "0"),
            ("repl-diskless-load", None, ("swapdb", "on-empty-db", "disabled", "yes"), "disabled"),
            ("repl-backlog-size", None, ("1mb", "0", "-1", "16k", "1x", "2gb"), "1048576"),
            ("repl-backlog-ttl", None, ("0", "-1", "x", "60"), "3600"),
            ("repl-ping-replica-period", "repl-ping-slave-period", ("0", "-1", "1"), "10"),
            ("repl-timeout", None, ("0", "-1", "5"), "60"),
            ("repl-disable-tcp-nodelay", None, ("yes", "x"), "no"),
            ("masterauth", None, ("secret", ""), ""),
            ("masteruser", None, ("somebody", ""), ""),
            ("min-replicas-to-write", "min-slaves-to-write", ("1", "-1", "x"), "0"),
            ("min-replicas-max-lag", "min-slaves-max-lag", ("0", "-1", "7"), "10"),
            ("propagation-error-behavior", None, ("panic", "panic-on-replicas", "x"), "ignore"),
            ("replicaof", "slaveof", ("127.0.0.1 1",), None)]


def talk(client, settings, name, values, last):
    """Everything that is answered when an option is set and asked for under a name."""
    said = [client("CONFIG", "GET", name)]
    for value in (*values, *([last] if last is not None else [])):
        said += [client("CONFIG", "SET", name, value), client("CONFIG", "GET", name)]
    return said


@only("gyre")
def test_settings_are_answered_as_by_redis_server(ctx):
    ours, theirs = ctx.server(*OPTIONS).client(), ctx.oracle(*OPTIONS).client()
    for name, old, values, last in SETTINGS:
        for spelling in (name, old) if old else (name,):
            equal(talk(ours, SETTINGS, spelling, values, last), talk(theirs, SETTINGS, spelling, values, last), spelling)


@only("gyre")
@timeout(60)
def test_a_replica_that_sees_to_its_own_memory(ctx):
    """It evicts, whether clients ask it for something or not; the primary and other replicas keep everything."""
    primary = primary_of(ctx)
    evicts, keeps = ctx.server(*OPTIONS, "--replica-ignore-maxmemory", "no", "--appendonly", "yes"), ctx.server(*OPTIONS)
    for replica in (evicts, keeps):
        client = replica.client()
        client("REPLICAOF", "127.0.0.1", primary.port)
        wait_for_link(replica)
        equal(client("CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory", int(info(client, "used_memory")) + (4 << 20)), "OK")
    writer = primary.client()
    writer.pipeline([("SET", f"k{i}", "x" * 1000) for i in range(20000)])
    wait_until_level(primary, evicts, keeps)
    equal([int(info(server.client(), "evicted_keys")) > 0 for server in (primary, evicts, keeps)], [False, True, False])
    equal([server.client()("DBSIZE") for server in (primary, keeps)], [20000] * 2)
    client = evicts.client()
    left = client("DBSIZE")
    assert 1000 < left < 8000, left
    limit = int(client("CONFIG", "GET", "maxmemory")[1])
    eventually(lambda: int(info(client, "used_memory")) - int(info(client, "mem_not_counted_for_evict")) < limit * 1.05, 5, "the limit kept")
    equal(info(client, "mem_replication_backlog"), info(client, "repl_backlog_histlen"))
    equal(client("CONFIG", "SET", "maxmemory-policy", "noeviction"), "OK")
    writer.pipeline([("SET", f"more{i}", "x" * 1000) for i in range(1000)])
    wait_until_level(primary, evicts)
    equal(client("EXISTS", *[f"more{i}" for i in range(1000)]), 1000)
    equal(info(client, "master_link_status"), "up")
    equal(client("SET", "own", 1), Error("READONLY You can't write against a read only replica."))
    digest = client("DEBUG", "DIGEST")
    evicts.stop()
    evicts.start()
    eventually(lambda: info(evicts.client(), "loading") == "0", 20, "the end of loading")
    equal(evicts.client()("DEBUG", "DIGEST"), digest, "what was evicted is not in its file either")


@only("gyre")
def test_what_clients_are_told_of_the_role(ctx):
    """In the greeting, in CLIENT LIST; and a monitor is not handed over."""
    primary = ctx.oracle(*OPTIONS)
    found = []
    for replica in (ctx.server(*OPTIONS), ctx.oracle(*OPTIONS)):
        client, monitor = replica.client(), replica.client()
        said = [client("HELLO", 2)[11]]
        client("REPLICAOF", "127.0.0.1", primary.port)
        wait_for_link(replica)
        said.append(client("HELLO", 2)[11])
        line = client("CLIENT", "LIST", "TYPE", "master").decode()
        said.append([word for word in line.split() if word.split("=")[0] in ("flags", "user", "db", "resp")])
        said.append(monitor("MONITOR"))
        monitor.send_command("SYNC")
        client("GET", "k")
        said.append('"GET" "k"' in str(monitor.read()))
        client("REPLICAOF", "NO", "ONE")
        said.append(client("HELLO", 2)[11])
        found.append(said)
    equal(found[0], found[1])


@only("gyre")
@timeout(60)
def test_a_replica_deletes_what_its_own_clients_let_expire(ctx):
    """Nobody else would. What the primary lets expire stays until it says so."""
    primary = ctx.oracle(*OPTIONS)
    primary.client()("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    ours, theirs = [ctx.server(*OPTIONS, "--replica-read-only", "no", "--appendonly", "yes", "--appendfsync", "always",
                               "--notify-keyspace-events", "Ex", kind=kind) for kind in ("gyre", "redis")]
    for replica in (ours, theirs):
        client, hears = replica.client(), replica.client()
        client("REPLICAOF", "127.0.0.1", primary.port)
        wait_for_link(replica)
        equal(primary.client().pipeline([("SET", "its", 1, "PX", 200), ("SET", "both", 1), ("SADD", "stays", 1)]), ["OK", "OK", 1])
        wait_until_level(primary, replica)
        hears("SUBSCRIBE", "__keyevent@0__:expired")
        equal(client.pipeline([("SET", "a", 1, "PX", 100), ("RPUSH", "b", 1), ("PEXPIRE", "b", 150), ("PEXPIRE", "both", 120),
                               ("SET", "later", 1, "PX", 1500)]), ["OK", 1, 1, 1, "OK"])
        equal(client("CONFIG", "SET", "replica-read-only", "yes"), "OK")
        equal(sorted(str(hears.read()[2]) for _ in range(4)), ["b'a'", "b'b'", "b'both'", "b'later'"])
        eventually(lambda: client("DBSIZE") == 2, 5, "the primary's keys alone")
        equal(client("EXISTS", "its", "stays"), 1)
        equal(client("PEXPIRE", "stays", 1), Error("READONLY You can't write against a read only replica."))
        equal(primary.client()("GET", "its"), None)
        wait_until_level(primary, replica)
        equal(client("DBSIZE"), 1)
        replica.stop()
        replica.start()
        eventually(lambda: info(replica.client(), "loading") == "0", 20, "the end of loading")
        equal(replica.client()("KEYS", "*"), [b"stays"])
        equal(replica.client()("DBSIZE"), 1)
        primary.client()("FLUSHALL")


def push_until(over, client, name, rng):
    """Adds to the same few lists as others do, so that the order shows."""
    n = 0
    while not over:
        n += 1
        commands = [("SELECT", rng.randrange(2)), ("RPUSH", f"list:{rng.randrange(4)}", f"{name}{n}"), ("SET", f"last:{rng.randrange(4)}", f"{name}{n}")]
        if rng.random() < 0.3:
            commands = [*commands[:1], ("MULTI",), *commands[1:], ("LPOP", "list:0"), ("EXEC",)]
        client.pipeline(commands)


@only("gyre")
@timeout(90)
def test_what_is_written_to_a_replica_is_in_its_file(ctx):
    """At its place among what came from the primary, and nowhere else."""
    for kind in ("gyre", "redis"):
        primary = ctx.server(*OPTIONS, "--save", "", kind=kind)
        options = (*OPTIONS, "--save", "", "--appendonly", "yes", "--appendfsync", "always" if kind == "gyre" else "everysec")
        replica, below = ctx.server(*options, "--replica-read-only", "no"), ctx.server(*OPTIONS, kind="redis")
        replica.client()("REPLICAOF", "127.0.0.1", primary.port)
        wait_for_link(replica)
        below.client()("REPLICAOF", "127.0.0.1", replica.port)
        wait_for_link(below)
        over, rng = [], random.Random(ctx.seed)
        waits = replica.client()
        waits.send_command("BLPOP", "served", 0)
        threads = [threading.Thread(target=push_until, args=(over, server.client(), name, random.Random(rng.random())), daemon=True)
                   for server, name in ((primary, "p"), (primary, "q"), (replica, "r"), (replica, "s"))]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        primary.client()("RPUSH", "served", "by the primary", "and what stays")
        equal(waits.read(), [b"served", b"by the primary"])
        time.sleep(0.5)
        over.append(True)
        for thread in threads:
            thread.join()
        wait_until_level(primary, replica, below)
        client = replica.client()
        equal(client("LRANGE", "served", 0, -1), [b"and what stays"])
        equal(below.client()("DEBUG", "DIGEST"), primary.client()("DEBUG", "DIGEST"))
        digest = client("DEBUG", "DIGEST")
        assert digest != primary.client()("DEBUG", "DIGEST")
        replica.stop()
        replica.start()
        client = replica.client()
        eventually(lambda client=client: info(client, "loading") == "0", 20, "the end of loading")
        equal([client("DEBUG", "DIGEST"), client("LRANGE", "served", 0, -1)], [digest, [b"and what stays"]])
        for server in (replica, below, primary):
            server.stop()


@only("gyre")
def test_a_period_between_dumps(ctx):
    """Replicas that come one by one are served together, however soon they ask."""
    primary = ctx.server(*OPTIONS, "--repl-diskless-sync-period", "2")
    replicas = [ctx.oracle(*OPTIONS) for _ in range(3)]
    began = time.monotonic()
    for replica in replicas:
        replica.client()("REPLICAOF", "127.0.0.1", primary.port)
        if replica is replicas[0]:
            wait_for_link(replica)
    equal([info(replica.client(), "master_link_status") for replica in replicas], ["up", "down", "down"])
    for replica in replicas:
        wait_for_link(replica)
    assert time.monotonic() - began > 1.9
    equal(primary.log_text().count("Starting a dump for SYNC"), 2)
    equal(primary.client()("CONFIG", "GET", "repl-diskless-sync-period"), [b"repl-diskless-sync-period", b"2"])


@only("gyre")
def test_the_address_that_the_link_comes_from(ctx):
    """As told, where that can be; from any other rather than not at all."""
    for kind in ("gyre", "redis"):
        primary = ctx.server(*OPTIONS)
        replica = ctx.server(*OPTIONS, "--bind-source-addr", "127.0.0.5", kind=kind)
        replica.client()("REPLICAOF", "127.0.0.1", primary.port)
        wait_for_link(replica)
        contains(info(primary.client(), "slave0"), f"ip=127.0.0.5,port={replica.port},state=")
        for source, comes_from in (("192.0.2.1", "127.0.0.1"), ("no address", "127.0.0.1"), ("127.0.0.9", "127.0.0.9"), ("", "127.0.0.1")):
            equal(replica.client()("CONFIG", "SET", "bind-source-addr", source), "OK")
            primary.client()("CLIENT", "KILL", "TYPE", "replica")
            eventually(lambda address=comes_from: f"ip={address}," in (info(primary.client(), "slave0") or ""), 10, f"a link from {source}")
