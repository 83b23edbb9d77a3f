"""This server as the replica of a stock one: how it comes to hold the same and goes on to, what its clients may do, and what becomes
of it when the link, the primary or the server itself ends."""
import os
import random
import select
import time

from harness import contains, equal, eventually, only, raises, slow, timeout
from proxy import Proxy
from resp import Closed, Error
from test_replication_primary import contents, differences, info, wait_until_level
from tree import OPTIONS, Writers, command_of_any_kind


def primary_of(ctx, *options):
    return ctx.oracle(*OPTIONS, "--save", "", *options)


def follow(ctx, port, *options, wait=True):
    replica = ctx.server(*OPTIONS, "--shards", "2", "--replicaof", f"127.0.0.1 {port}", *options)
    if wait:
        wait_for_link(replica)
    return replica


def wait_for_link(replica, status="up", seconds=20):
    eventually(lambda: info(replica.client(), "master_link_status") == status, seconds, f"the link {status}")


def same(primary, replica):
    wait_until_level(primary, replica)
    equal(differences(contents(primary), contents(replica)), "")
    equal(replica.client()("DEBUG", "DIGEST"), primary.client()("DEBUG", "DIGEST"))


@only("gyre")
@timeout(60)
def test_it_holds_the_same(ctx):
    """What was there before, and commands of every kind after it, in several databases and transactions; by every way that a
    dump may come."""
    rng = random.Random(ctx.seed)
    for options in ((), ("--repl-diskless-sync", "no"), ("--rename-command", "PSYNC", "")):
        primary = primary_of(ctx, *options)
        client = primary.client()
        for database in (0, 5):
            client("SELECT", database)
            for n in range(300):
                client(*command_of_any_kind(rng, n))
        replica = ctx.server(*OPTIONS, "--shards", "3")
        replica.client()("SET", "own", "is thrown away")
        equal(replica.client()("REPLICAOF", "127.0.0.1", primary.port), "OK")
        wait_for_link(replica)
        for database in (0, 3, 0, 9):
            client("SELECT", database)
            client.pipeline([command_of_any_kind(rng, n) for n in range(ctx.scaled(300))])
            client.pipeline([("MULTI",), ("SET", "a", 1), ("SPOP", "tab1"), ("SELECT", 7), ("LPUSH", "x", 1, 2), ("EXEC",)])
            client("SET", "soon", "x", "PX", 50)
        client("SWAPDB", 3, 0)
        client("SET", "large", "v" * 3_000_000)
        time.sleep(0.3)
        client("GET", "soon")
        if "PSYNC" in options:  # it has no offsets to compare
            client("SET", "last", "x")
            eventually(lambda last=replica.client(): last("SELECT", 7) and last("GET", "last") == b"x", 5, "the last key")
            equal(differences(contents(primary), contents(replica)), "")
        else:
            same(primary, replica)
        client("FLUSHALL")
        client("SET", "after", "all")
        eventually(lambda last=replica.client(): last("SELECT", 7) and last("GET", "after") == b"all", 5, "the last key")
        equal(replica.client()("DBSIZE"), 0)
        primary.stop()


@only("gyre")
def test_what_info_role_and_config_say(ctx):
    primary = primary_of(ctx)
    replica = ctx.server("--repl-timeout", "10")
    client = replica.client()
    equal(client("CONFIG", "GET", "replicaof"), [b"replicaof", b""])
    for words in (("a", "b"), ("a", "65536"), ("a", "-1")):
        equal(client("REPLICAOF", *words), Error("ERR Invalid master port"))
    equal(client("REPLICAOF", "NO", "ONE"), "OK")
    equal(client("SLAVEOF", "127.0.0.1", primary.port), "OK")
    equal(client("REPLICAOF", "127.0.0.1", primary.port), "OK Already connected to specified master")
    wait_for_link(replica)
    primary.client()("SET", "k", "v")
    wait_until_level(primary, replica)
    offset = int(info(client, "slave_repl_offset"))
    equal(client("ROLE"), [b"slave", b"127.0.0.1", primary.port, b"connected", offset])
    equal([info(client, name) for name in ("role", "master_host", "master_port", "master_sync_in_progress", "slave_priority",
                                           "slave_read_only", "connected_slaves")],
          ["slave", "127.0.0.1", str(primary.port), "0", "100", "1", "0"])
    equal(client("CONFIG", "GET", "slaveof"), [b"slaveof", b"127.0.0.1 %d" % primary.port])
    equal(info(client, "master_replid"), info(primary.client(), "master_replid"))
    contains(info(primary.client(), "slave0"), f"ip=127.0.0.1,port={replica.port},state=online")
    contains(str(client("WAIT", 0, 0)), "WAIT cannot be used with replica instances")
    equal(client("REPLICAOF", "no", "one"), "OK")
    equal(client("ROLE")[0], b"master")
    equal(info(client, "master_replid2"), info(primary.client(), "master_replid"))
    equal(client("CONFIG", "GET", "replicaof"), [b"replicaof", b""])
    equal(client("SET", "mine", 1), "OK")


@only("gyre")
def test_its_clients_may_only_read(ctx):
    primary = primary_of(ctx)
    replica = follow(ctx, primary.port)
    client = replica.client()
    readonly = Error("READONLY You can't write against a read only replica.")
    primary.client()("SET", "k", "v")
    wait_until_level(primary, replica)
    equal(client("SET", "k", 1), readonly)
    equal(client("BLPOP", "k", 1), readonly)
    equal(client("FLUSHALL"), readonly)
    equal(client.pipeline([("MULTI",), ("GET", "k"), ("EXEC",)]), ["OK", "QUEUED", [b"v"]])
    equal(client.pipeline([("MULTI",), ("SET", "k", 1), ("EXEC",)])[1], readonly)
    equal(client("PUBLISH", "c", "m"), 0)
    equal(client("CONFIG", "SET", "replica-read-only", "no"), "OK")
    eventually(lambda: client("SET", "own", "local") == "OK", 5, "a write of its own")
    equal(client("CONFIG", "SET", "slave-read-only", "yes"), "OK")
    eventually(lambda: client("SET", "own", 2) == readonly, 5, "no write")
    equal(client("GET", "own"), b"local")


@only("gyre")
@timeout(90)
def test_replicas_hear_of_it_before_it_is_applied(ctx):
    """A replica in the middle whose data somebody holds: those below it have what comes nevertheless, and whatever becomes of the
    middle meanwhile (its link is cut, it is saved, promoted), nobody is told anything twice or not at all."""
    primary = primary_of(ctx)
    primary.client()("SET", "k", 0)
    middle = follow(ctx, primary.port)
    nodes = [ctx.server(*OPTIONS, "--replicaof", f"127.0.0.1 {middle.port}", kind=kind) for kind in ("gyre", "redis")]
    for node in nodes:
        wait_for_link(node)
    client, holder = middle.client(), middle.client()

    def offset(server):
        return int(info(server.client(), "slave_repl_offset" if server is not primary else "master_repl_offset"))

    def push(value):
        primary.client().pipeline([("MULTI",), ("SET", "k", value), ("RPUSH", "list", value), ("EXEC",), ("INCR", "n")])

    happens = {"nothing": lambda: None,
               "the link is cut": lambda: primary.client()("CLIENT", "KILL", "TYPE", "replica"),
               "it is saved": lambda: client("BGSAVE"),
               "a replica comes": lambda: nodes[0].client()("CLIENT", "KILL", "TYPE", "master"),
               "it is promoted": lambda: client.send_command("REPLICAOF", "NO", "ONE")}
    for value, (what, happen) in enumerate(happens.items(), 1):
        wait_until_level(primary, middle, *nodes)
        holder.send_command("DEBUG", "HOLD", "k", "2")
        time.sleep(0.1)
        push(value)
        for node in nodes:
            eventually(lambda node=node: node.client()("GET", "n") == str(value).encode(), 1.5, "what its primary has not yet")
        equal(select.select([holder.socket], [], [], 0)[0], [], f"{what}: the hold is over too soon")
        behind = offset(middle)
        eventually(lambda: min(offset(node) for node in nodes) > behind, 1, "those below are further than the middle says it is")
        happen()
        if what != "it is promoted":
            push("more")
            primary.client()("DECR", "n")
        equal(str(holder.read()), "OK", what)
    equal(str(client.read()), "OK")
    eventually(lambda: offset(nodes[0]) > behind and client("GET", "k") == str(value).encode(), 10, "what was on its way")
    equal(client("SET", "own", 1), "OK")
    wait_until_level(middle, *nodes)
    digest = client("DEBUG", "DIGEST")
    equal([node.client()("DEBUG", "DIGEST") for node in nodes], [digest] * 2)
    primary.client()("SET", "own", 1)
    equal(primary.client()("DEBUG", "DIGEST"), digest)
    equal([info(server.client(), "sync_full") for server in (primary, middle)], ["1", "2"], "full synchronisations")


@only("gyre")
def test_who_waits_for_elements_is_told(ctx):
    primary = primary_of(ctx)
    replica = ctx.server()
    waiting = replica.client()
    waiting.send_command("BLPOP", "list", 0)
    eventually(lambda: info(replica.client(), "blocked_clients") == "1", 5, "the client that waits")
    equal(replica.client()("REPLICAOF", "127.0.0.1", primary.port), "OK")
    contains(str(waiting.read()), "UNBLOCKED force unblock from blocking operation")
    with raises(Closed):
        waiting.read()
    wait_for_link(replica)
    primary.client()("RPUSH", "list", 1)
    wait_until_level(primary, replica)
    equal(replica.client()("LRANGE", "list", 0, -1), [b"1"])


@only("gyre")
def test_keys_past_their_time(ctx):
    """The primary decides: here they are only not seen any more."""
    primary = primary_of(ctx)
    replica = follow(ctx, primary.port)
    client, here = primary.client(), replica.client()
    client("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    client("SET", "k", "v", "PX", 100)
    client("SADD", "s", 1, 2, 3)
    client("PEXPIRE", "s", 100)
    wait_until_level(primary, replica)
    equal(here("DBSIZE"), 2)
    time.sleep(0.3)
    equal([here("GET", "k"), here("EXISTS", "k"), here("TTL", "k"), here("SCARD", "s"), here("TYPE", "s")], [None, 0, -2, 0, "none"])
    equal(here("DBSIZE"), 2)
    client("APPEND", "k", "new")
    client("SADD", "s", 9)
    wait_until_level(primary, replica)
    equal([here("GET", "k"), here("SMEMBERS", "s"), here("DBSIZE")], [b"new", [b"9"], 2])


@only("gyre")
@slow
@timeout(60)
def test_passwords(ctx):
    primary = primary_of(ctx, "--requirepass", "secret")
    replica = follow(ctx, primary.port, wait=False)
    client = replica.client()
    eventually(lambda: "NOAUTH" in (info(client, "master_link_error") or ""), 5, "an error that says so")
    client("CONFIG", "SET", "masterauth", "wrong")
    eventually(lambda: "WRONGPASS" in (info(client, "master_link_error") or ""), 5, "an error that says so")
    client("CONFIG", "SET", "masterauth", "secret")
    wait_for_link(replica)
    with primary.client() as admin:
        admin("AUTH", "secret")
        admin("ACL", "SETUSER", "follower", "on", ">word", "+psync", "+replconf", "+ping")
        client("CONFIG", "SET", "masteruser", "follower", "masterauth", "word")
        admin("CLIENT", "KILL", "TYPE", "replica")
        admin("SET", "k", "v")
        eventually(lambda: client("GET", "k") == b"v", 5, "the key")
        contains(admin("CLIENT", "LIST", "TYPE", "replica").decode(), "user=follower")


@only("gyre")
@timeout(60)
def test_it_goes_on_where_it_was(ctx):
    """After cuts of the link, and after its own restart: partially, and with nothing missing."""
    primary = primary_of(ctx)
    front = Proxy(primary.port)
    replica = follow(ctx, front.port, "--save", "100000 1")
    writers = Writers(type("Root", (), {"client": staticmethod(primary.client)})(), seed=ctx.seed, pace_s=0.01)
    for n in range(ctx.scaled(4)):
        front.cut()
        time.sleep(0.1)
        wait_for_link(replica)
        if n % 2:
            replica.stop()
            replica.start()
            wait_for_link(replica)
    writers.stop()
    same(primary, replica)
    equal(info(primary.client(), "sync_full"), "1")
    front.close()


@only("gyre")
@timeout(60)
def test_a_long_transaction_comes_at_one_instant(ctx):
    """Many times longer than what is received at a time; and the primary has a name."""
    primary = primary_of(ctx)
    client = primary.client()
    replica = ctx.server(*OPTIONS, "--replicaof", f"localhost {primary.port}")
    wait_for_link(replica)
    here = replica.client()
    count = ctx.scaled(40_000)
    equal(client("MULTI"), "OK")
    replies = client.pipeline([("SET", f"k{n}", "v" * 200) for n in range(count)])
    equal(set(replies), {"QUEUED"})
    client.send_command("EXEC")
    sizes = set()
    while here("DBSIZE") != count:
        sizes.add(here("DBSIZE"))
    assert sizes <= {0, count}, sizes
    client.read()
    same(primary, replica)


@only("gyre")
@slow
@timeout(60)
def test_a_silent_primary_is_given_up(ctx):
    primary = primary_of(ctx)
    front = Proxy(primary.port)
    replica = follow(ctx, front.port, "--repl-timeout", "2")
    front.silence(True)
    wait_for_link(replica, "down")
    contains(info(replica.client(), "master_link_error"), "timeout")
    front.heal()
    wait_for_link(replica)
    equal(info(primary.client(), "sync_full"), "1")
    front.close()


@only("gyre")
@timeout(60)
def test_old_data_is_served_until_the_new_is_whole(ctx):
    """A dump that comes slowly, breaks off, and comes again."""
    primary = primary_of(ctx)
    client = primary.client()
    client("DEBUG", "POPULATE", 20000)
    front = Proxy(primary.port)
    replica = ctx.server(*OPTIONS)
    here = replica.client()
    here("SET", "old", "data")
    front.throttle("down", 400_000)
    here("REPLICAOF", "127.0.0.1", front.port)
    eventually(lambda: info(here, "master_sync_in_progress") == "1", 5, "the dump on its way")
    equal(here("GET", "old"), b"data")
    equal(here("ROLE")[3], b"sync")
    equal(here("CONFIG", "SET", "replica-serve-stale-data", "no"), "OK")
    eventually(lambda: "MASTERDOWN Link with MASTER is down" in str(here("GET", "old")), 5, "no stale data")
    contains(str(here("ROLE")[3]), "sync")
    here("CONFIG", "SET", "replica-serve-stale-data", "yes")
    eventually(lambda: here("GET", "old") == b"data", 5, "stale data")
    front.cut()
    eventually(lambda: info(here, "master_sync_in_progress") == "0", 5, "no dump on its way")
    equal(here("GET", "old"), b"data")
    front.heal()
    wait_for_link(replica)
    equal([here("GET", "old"), here("DBSIZE")], [None, 20000])
    eventually(lambda: not [name for name in os.listdir(replica.folder) if name.startswith("temp-")], 5, "no file left")
    front.close()


@only("gyre")
@timeout(60)
def test_new_data_takes_the_place_of_the_old_at_one_instant(ctx):
    """Whoever reads meanwhile sees all of the one or all of the other, and never has to wait."""
    primary = primary_of(ctx)
    names = [f"key:{n}" for n in range(8)]
    client = primary.client()
    client("DEBUG", "POPULATE", ctx.scaled(100_000), "filler", 100)
    client("MSET", *(word for name in names for word in (name, "new")))
    client.pipeline([("SELECT", 3), ("SET", "third", "new")])
    replica = ctx.server(*OPTIONS, "--repl-diskless-load", "swapdb")
    here = replica.client()
    here("MSET", *(word for name in names for word in (name, "old")))
    watching = replica.client()
    watching.pipeline([("WATCH", "key:0"), ("MULTI",), ("GET", "key:0")])
    here("REPLICAOF", "127.0.0.1", primary.port)
    seen, loading = [], False
    while seen[-1:] != [b"new"]:
        values = here("MGET", *names)
        assert isinstance(values, list) and len(set(values)) == 1, values
        seen.append(values[0])
        loading = loading or info(here, "async_loading") == "1"
    equal(set(seen), {b"old", b"new"})
    if not ctx.sanitized:
        assert loading
    wait_for_link(replica)
    equal(watching("EXEC"), None)
    same(primary, replica)


@only("gyre")
@timeout(60)
def test_a_dump_that_cannot_be_loaded_changes_nothing(ctx):
    """It has a type that is not known here, or was damaged on its way."""
    primary = primary_of(ctx)
    client = primary.client()
    front = Proxy(primary.port)
    replica = ctx.server(*OPTIONS)
    here = replica.client()
    here("SET", "old", "data")
    client("DEBUG", "POPULATE", 5000)
    client("XADD", "stream-key", "*", "field", "value")
    here("REPLICAOF", "127.0.0.1", front.port)
    eventually(lambda: "stream" in (info(here, "master_link_error") or ""), 10, "an error that names it")
    equal([here("GET", "old"), here("DBSIZE"), info(here, "master_link_status")], [b"data", 1, "down"])
    client("DEL", "stream-key")
    wait_for_link(replica)
    equal([here("GET", "old"), here("DBSIZE")], [None, 5000])
    here("REPLICAOF", "NO", "ONE")
    here("SET", "own", 1)
    front.corrupt_at("down", 60_000)
    here("REPLICAOF", "127.0.0.1", front.port)
    eventually(lambda: "cannot be loaded" in (info(here, "master_link_error") or ""), 10, "an error")
    equal([here("GET", "own"), here("DBSIZE")], [b"1", 5001])
    front.heal()
    wait_for_link(replica)
    same(primary, replica)
    front.close()


@only("gyre")
@slow
@timeout(60)
def test_an_empty_primary_does_not_empty_it(ctx):
    primary = primary_of(ctx)
    primary.client()("MSET", "a", 1, "b", 2)
    front = Proxy(primary.port)
    replica = follow(ctx, front.port, "--save", "100000 1")

    def lose_everything():
        primary.kill()
        primary.start()  # with no file
        front.target = primary.port
        eventually(lambda: info(replica.client(), "master_refused_empty") == "1", 10, "the refusal")

    here = replica.client()
    primary.client()("FLUSHALL")
    primary.client()("SET", "c", 3)
    wait_until_level(primary, replica)
    equal(here("KEYS", "*"), [b"c"])
    lose_everything()
    equal([here("GET", "c"), here("ROLE")[3], info(here, "master_link_status")], [b"3", b"refused-empty-primary", "down"])
    contains(replica.log_text(), "has lost its history and holds no keys")
    replica.stop()
    replica.start()
    here = replica.client()
    eventually(lambda: info(here, "master_refused_empty") == "1", 10, "the refusal")
    equal(here("GET", "c"), b"3")
    primary.client()("SET", "new", 1)
    wait_for_link(replica)
    equal(here("KEYS", "*"), [b"new"])
    lose_everything()
    here("CONFIG", "SET", "replica-refuse-empty-primary", "no")
    wait_for_link(replica)
    equal([here("KEYS", "*"), info(here, "master_refused_empty")], [[], "0"])
    front.close()


@only("gyre")
@timeout(60)
def test_a_command_that_is_not_known_stops_the_link(ctx):
    primary = primary_of(ctx)
    replica = follow(ctx, primary.port)
    client, here = primary.client(), replica.client()
    client("SET", "before", 1)
    client("XADD", "stream", "*", "field", "value")
    client("SET", "behind", 1)
    eventually(lambda: "XADD" in (info(here, "master_link_error") or ""), 5, "an error that names it")
    equal([here("GET", "before"), here("GET", "behind"), here("ROLE")[3]], [b"1", None, b"stopped"])
    contains(replica.log_text(), "Unknown command 'XADD'")
    time.sleep(1.5)
    equal(here("GET", "behind"), None)
    client("DEL", "stream")
    equal(here("REPLICAOF", "127.0.0.1", primary.port), "OK")
    eventually(lambda: "XADD" in (info(here, "master_link_error") or ""), 5, "the same error: it is still there")


@only("gyre")
@timeout(60)
def test_with_an_append_only_file(ctx):
    """What it has from its primary is in its own file: after a restart it holds it even if the primary is gone."""
    primary = primary_of(ctx)
    client = primary.client()
    replica = ctx.server(*OPTIONS, "--appendonly", "yes", "--save", "")
    replica.client()("SET", "own", 1)
    client("SET", "before", 1)
    equal(replica.client()("REPLICAOF", "127.0.0.1", primary.port), "OK")
    wait_for_link(replica)
    rng = random.Random(ctx.seed)
    for n in range(200):
        client(*command_of_any_kind(rng, n))
    eventually(lambda: info(replica.client(), "aof_enabled") == "1", 10, "the file")
    client("SELECT", 4)
    client.pipeline([("MULTI",), ("SET", "x", 1), ("LPUSH", "y", 2), ("EXEC",)])
    for n in range(200):
        client(*command_of_any_kind(rng, n))
    same(primary, replica)
    expected = contents(primary)
    replica.client()("BGREWRITEAOF")
    client("SET", "during", 1)
    eventually(lambda: info(replica.client(), "aof_rewrite_in_progress") == "0", 10, "the rewrite")
    wait_until_level(primary, replica)
    expected = contents(primary)
    primary.stop()
    replica.stop()
    replica.start()
    equal(differences(expected, contents(replica)), "")
    equal(replica.client()("GET", "own"), None)


@only("gyre")
@timeout(60)
def test_waitaof_counts_the_files_of_replicas(ctx):
    primary = ctx.server(*OPTIONS, "--appendonly", "yes", "--appendfsync", "always")
    client = primary.client()
    plain = follow(ctx, primary.port)
    stock = ctx.oracle(*OPTIONS, "--replicaof", f"127.0.0.1 {primary.port}")
    wait_for_link(stock)
    equal(client("WAITAOF", 0, 0, 100), [1, 0])
    client("SET", "k", 1)
    equal(client("WAITAOF", 1, 1, 300), [1, 0])
    equal(client("WAIT", 2, 5000), 2)
    keeper = follow(ctx, primary.port, "--appendonly", "yes")
    eventually(lambda: info(keeper.client(), "aof_rewrite_in_progress") == "0", 10, "its file")
    for n in range(ctx.scaled(8)):
        client("SET", "k", n)
        equal(client("WAITAOF", 1, 1, 10000), [1, 1])
    contains(str(keeper.client()("WAITAOF", 0, 0, 0)), "WAITAOF cannot be used with replica instances")
    keeper.client()("CONFIG", "SET", "appendonly", "no")
    eventually(lambda: info(keeper.client(), "aof_enabled") == "0", 10, "no file")
    client("SET", "k", "last")
    equal(client("WAITAOF", 1, 1, 300), [1, 0])
    equal(plain.client()("GET", "k"), b"last")


@only("gyre")
@timeout(60)
def test_a_clean_end_is_gone_on_from(ctx):
    """Of a replica and of a primary that keep append-only files: both come back where they were. After a crash they do not know."""
    primary = ctx.server(*OPTIONS, "--appendonly", "yes")
    front = Proxy(primary.port)
    replica = ctx.server(*OPTIONS, "--appendonly", "yes", "--replicaof", f"127.0.0.1 {front.port}")
    stock = ctx.oracle(*OPTIONS, "--replicaof", f"127.0.0.1 {front.port}")
    for server in (replica, stock):
        wait_for_link(server)
    rng = random.Random(ctx.seed)

    def work():
        client = primary.client()
        for database in (3, 0, 7):
            client("SELECT", database)
            client.pipeline([command_of_any_kind(rng, n) for n in range(100)])

    work()
    eventually(lambda: info(replica.client(), "aof_rewrite_in_progress") == "0" and info(replica.client(), "aof_enabled") == "1", 10, "the file")
    work()
    wait_until_level(primary, replica, stock)
    served = int(info(primary.client(), "sync_full"))
    replica.stop()
    work()
    replica.start()
    wait_for_link(replica)
    same(primary, replica)
    equal([int(info(primary.client(), name)) for name in ("sync_full", "sync_partial_ok")], [served, 1])
    primary.stop()
    primary.start()
    front.target = primary.port
    for server in (replica, stock):
        wait_for_link(server)
    work()
    same(primary, replica)
    same(primary, stock)
    equal([int(info(primary.client(), name)) for name in ("sync_full", "sync_partial_ok")], [0, 2])
    replica.kill()
    replica.start()
    wait_for_link(replica)
    same(primary, replica)
    equal(int(info(primary.client(), "sync_full")), 1)
    front.close()


@only("gyre")
@timeout(60)
def test_two_that_follow_each_other(ctx):
    """The second is refused, with a reason; the data stays."""
    one, other = ctx.server(*OPTIONS), ctx.server(*OPTIONS)
    one.client()("SET", "k", "v")
    other.client()("REPLICAOF", "127.0.0.1", one.port)
    wait_for_link(other)
    one.client()("REPLICAOF", "127.0.0.1", other.port)
    eventually(lambda: "follows you" in (info(one.client(), "master_link_error") or ""), 5, "the reason")
    equal(one.client()("GET", "k"), b"v")
    one.client()("REPLICAOF", "NO", "ONE")
    wait_for_link(other)
    one.client()("SET", "k", "w")
    wait_until_level(one, other)
    equal(other.client()("GET", "k"), b"w")


@only("gyre")
@timeout(60)
def test_transactions_from_before(ctx):
    """Queued while the data was there, and run while it is not, or is too old to be shown: they are refused, as in redis-server."""
    primary = primary_of(ctx)
    primary.client()("DEBUG", "POPULATE", 75_000 if ctx.sanitized else 300_000, "key", 100)

    def replies(replica):
        control, queued, empty, later = (replica.client() for _ in range(4))
        control("SET", "own", "data")
        for client in (queued, later):
            equal(client.pipeline([("MULTI",), ("GET", "own")]), ["OK", "QUEUED"])
        empty("MULTI")
        control("CONFIG", "SET", "maxmemory", 1_000_000)  # no room for the old and the new
        control("REPLICAOF", "127.0.0.1", primary.port)
        while info(control, "loading") != "1" and info(control, "master_link_status") != "up":
            pass
        found = [queued("EXEC"), empty("EXEC")]
        loads = info(control, "loading") == "1"
        wait_for_link(replica)
        queued.pipeline([("MULTI",), ("GET", "own")])
        control("CONFIG", "SET", "replica-serve-stale-data", "no")
        control("REPLICAOF", "127.0.0.1", 1)
        eventually(lambda: "MASTERDOWN" in str(control("GET", "own")), 5, "no stale data")
        found.append(queued("EXEC"))
        control("CONFIG", "SET", "maxmemory", 0)
        control("REPLICAOF", "NO", "ONE")
        return found + [later("EXEC")] if loads else None

    found = []
    for make in (ctx.oracle, ctx.server):
        found.append(eventually(lambda make=make: replies(make(*OPTIONS)), 30, "a load that took long enough"))
    equal(found[1], found[0])
    contains(str(found[1][0]), "EXECABORT Transaction discarded because of: LOADING")
    contains(str(found[1][2]), "EXECABORT Transaction discarded because of: MASTERDOWN")
