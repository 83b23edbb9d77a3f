"""Stock servers that follow this one: full and partial synchronisation, one dump for all who wait, and what INFO and ROLE say."""
import os
import random
import subprocess
import time

from dataset import dataset, differences
from harness import alone, contains, equal, eventually, only, raises, slow, timeout
from proxy import Proxy
from resp import Client, Closed, Error, Simple
from test_replication_tree import cut_a_link, grow, hang_elsewhere, restart_a_leaf, restart_in_the_middle
from tree import OPTIONS, Writers, command_of_any_kind


def info(client, field, section="everything"):
    for line in client("INFO", section).decode().splitlines():
        if line.startswith(field + ":"):
            return line.split(":", 1)[1]
    return None


def follower(ctx, primary_port, *options):
    replica = ctx.oracle("--replicaof", f"127.0.0.1 {primary_port}", "--repl-diskless-sync-delay", "0", *options)
    eventually(lambda: info(replica.client(), "master_link_status") == "up", 20, "the link")
    return replica


def contents(server):
    """Without encodings: they depend on how a value came about."""
    return {key: (kind, end, value) for key, (kind, _, end, value) in dataset(server.client()).items()}


def wait_until_level(primary, *replicas):
    def level():
        offset = info(primary.client(), "master_repl_offset")
        return all(info(replica.client(), "slave_repl_offset") == offset for replica in replicas)

    eventually(level, 20, "the same offset")


@only("gyre")
@timeout(60)
def test_a_stock_replica_holds_the_same(ctx):
    """What was there before, and commands of every kind after it, in several databases and transactions."""
    primary = ctx.server(*OPTIONS)
    client = primary.client()
    rng = random.Random(ctx.seed)
    for n in range(500):
        client(*command_of_any_kind(rng, n))
    replica = follower(ctx, primary.port)
    for database in (0, 3, 0, 9):
        client("SELECT", database)
        client.pipeline([command_of_any_kind(rng, n) for n in range(500)])
        client.pipeline([("MULTI",), ("SET", "a", 1), ("SPOP", "tab1"), ("LPUSH", "x", 1, 2), ("EXEC",)])
        client("SET", "soon", "x", "PX", 50)
    client("SWAPDB", 3, 0)
    client("SET", "large", "v" * 3_000_000)
    time.sleep(0.3)
    client("GET", "soon")
    wait_until_level(primary, replica)
    equal(differences(contents(primary), contents(replica)), "")
    client("FLUSHALL")
    client("SELECT", 0)
    client("SET", "after", "all")
    wait_until_level(primary, replica)
    equal(replica.client()("DBSIZE"), client("DBSIZE"))


@only("gyre")
def test_what_info_and_role_say(ctx):
    primary = ctx.server(*OPTIONS)
    client = primary.client()
    equal(client("ROLE"), [b"master", 0, []])
    equal(info(client, "repl_backlog_active"), "0")
    replica = follower(ctx, primary.port)
    client("SET", "k", "v")
    wait_until_level(primary, replica)
    eventually(lambda: client("ROLE")[2] and client("ROLE")[2][0][2] == b"%d" % client("ROLE")[1], 5, "the acknowledgement")
    offset = client("ROLE")[1]
    equal(client("ROLE"), [b"master", offset, [[b"127.0.0.1", b"%d" % replica.port, b"%d" % offset]]])
    equal(info(client, "connected_slaves"), "1")
    contains(info(client, "slave0"), f"ip=127.0.0.1,port={replica.port},state=online,offset={offset},lag=")
    equal(info(client, "master_replid"), info(replica.client(), "master_replid"))
    equal(int(info(client, "repl_backlog_first_byte_offset")), 1)
    equal(int(info(client, "repl_backlog_histlen")), offset)
    equal([info(client, field) for field in ("sync_full", "sync_partial_ok", "connected_clients")], ["1", "0", "1"])
    lines = client("CLIENT", "LIST", "TYPE", "replica").decode().splitlines()
    equal(len(lines), 1)
    fields = dict(field.split("=", 1) for field in lines[0].split(" "))
    equal([fields[name] for name in ("flags", "cmd", "db", "multi", "sub")], ["S", "psync", "0", "-1", "0"])
    contains(client("CLIENT", "LIST").decode(), lines[0].split(" age")[0])
    contains(client("CLIENT", "LIST", "ID", fields["id"]).decode(), f"id={fields['id']} addr={fields['addr']}")
    equal(client("CLIENT", "LIST", "TYPE", "normal").decode().count("flags=S"), 0)
    equal(client("CLIENT", "KILL", "TYPE", "replica"), 1)
    eventually(lambda: info(client, "sync_partial_ok") == "1", 5, "the replica back")
    equal(client("CLIENT", "KILL", "ID", fields["id"]), 0)
    replica.stop()
    eventually(lambda: info(client, "connected_slaves") == "0", 5, "the replica gone")


@only("gyre")
@timeout(60)
def test_a_link_that_was_cut_goes_on_where_it_was(ctx):
    primary = ctx.server(*OPTIONS, "--repl-backlog-size", "1mb")
    front = Proxy(primary.port)
    replica = follower(ctx, front.port)
    writers = Writers(type("Root", (), {"client": staticmethod(primary.client)})(), seed=ctx.seed, pace_s=0.01)
    for _ in range(ctx.scaled(8)):
        front.cut()
        time.sleep(0.1)
        eventually(lambda: info(replica.client(), "master_link_status") == "up", 20, "the link")
    writers.stop()
    wait_until_level(primary, replica)
    equal(primary.client()("DEBUG", "DIGEST"), replica.client()("DEBUG", "DIGEST"))
    equal(info(primary.client(), "sync_full"), "1")
    # What the backlog does not have any more needs everything anew.
    front.refuse(True)
    front.cut()
    primary.client()("CONFIG", "SET", "repl-backlog-size", "16384")
    primary.client().pipeline([("SET", f"k{n}", "x" * 100) for n in range(2000)])
    time.sleep(0.3)
    front.heal()
    eventually(lambda: info(primary.client(), "sync_full") == "2", 20, "the second full synchronisation")
    wait_until_level(primary, replica)
    equal(primary.client()("DEBUG", "DIGEST"), replica.client()("DEBUG", "DIGEST"))
    front.close()


@only("gyre")
@timeout(60)
def test_one_dump_serves_all_who_wait(ctx):
    primary = ctx.server("--repl-diskless-sync-delay", "2", "--repl-diskless-sync-max-replicas", "3")
    primary.client()("DEBUG", "POPULATE", 20000)
    replicas = [ctx.oracle("--replicaof", f"127.0.0.1 {primary.port}") for _ in range(3)]
    for replica in replicas:
        eventually(lambda replica=replica: info(replica.client(), "master_link_status") == "up", 20, "the link")
    equal(primary.log_text().count("Starting a dump for SYNC, for 3 replicas"), 1)
    digests = {server.client()("DEBUG", "DIGEST") for server in (primary, *replicas)}
    equal(len(digests), 1)
    equal([name for name in os.listdir(primary.folder) if "repl" in name], [], "nothing is left of the dump")


@only("gyre")
def test_the_handshake_by_hand(ctx):
    """An old replica (SYNC, a length), a new one that knows no end marks, errors, and one that hangs up."""
    primary = ctx.server(*OPTIONS)
    client = primary.client()
    client("SET", "k", "v")
    with primary.client() as old:
        old.send(b"SYNC\r\n")
        while (line := old.read_bytes(1)) == b"\n":
            pass
        equal(line, b"$")
        size = b""
        while (byte := old.read_bytes(1)) != b"\n":
            size += byte
        equal(old.read_bytes(int(size))[:9], b"REDIS0010")
        client("SET", "k", "w")
        equal([old.raw(), old.raw()], [b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n", b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nw\r\n"])
    with primary.client() as other:
        equal(other("REPLCONF", "listening-port"), Error("ERR syntax error"))
        equal(other("REPLCONF", "listening-port", "x"), Error("ERR value is not an integer or out of range"))
        equal(other("REPLCONF", "nonsense", "1"), Error("ERR Unrecognized REPLCONF option: nonsense"))
        equal(other("REPLCONF", "capa", "eof", "capa", "psync2", "listening-port", "7"), Simple("OK"))
        equal(other("PSYNC", "?", "x"), Error("ERR value is not an integer or out of range"))
        identity = info(client, "master_replid")
        offset = int(info(client, "master_repl_offset"))
        equal(other("PSYNC", identity, str(offset + 1)), Simple(f"CONTINUE {identity}"))
        other.send(b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$2\r\n77\r\n")
        eventually(lambda: "port=7,state=online,offset=77" in (info(client, "slave1") or info(client, "slave0")), 5, "the acknowledgement")
        other.send(b"*1\r\n$8\r\nFLUSHALL\r\n")
        with raises(Closed):
            while True:
                other.raw()  # perhaps a PING
    equal(client("GET", "k"), b"w")


@only("gyre")
@timeout(60)
def test_wait_until_replicas_have_it(ctx):
    primary = ctx.server(*OPTIONS, "--repl-ping-replica-period", "10")
    client = primary.client()
    equal(client("WAIT", 0, 0), 0)
    client("SET", "k", "v")
    began = time.monotonic()
    equal(client("WAIT", 1, 100), 0)
    assert 0.1 <= time.monotonic() - began < 2
    front = Proxy(primary.port)
    near, far = follower(ctx, primary.port), follower(ctx, front.port)
    for n in range(ctx.scaled(100)):
        client("SET", "k", n)
        equal(client("WAIT", 2, 5000), 2)
        equal(near.client()("GET", "k"), b"%d" % n)
        equal(far.client()("GET", "k"), b"%d" % n)
    front.silence(True)
    client("SET", "k", "w")
    equal(client("WAIT", 2, 200), 1)
    equal(client("WAIT", 1, 0), 1)
    equal(near.client()("GET", "k"), b"w")
    equal(client.pipeline([("MULTI",), ("SET", "k", "x"), ("WAIT", 2, 0), ("EXEC",)])[-1][0], Simple("OK"))
    for wrong, text in ((("x", 0), "ERR value is not an integer or out of range"), ((1, "x"), "ERR timeout is not an integer or out of range"),
                        ((1, -1), "ERR timeout is negative")):
        equal(client("WAIT", *wrong), Error(text))
    front.close()


@only("gyre")
@timeout(60)
def test_the_backlog_is_given_up_when_nobody_comes_back(ctx):
    primary = ctx.server("--repl-diskless-sync-delay", "0", "--repl-backlog-ttl", "1")
    client = primary.client()
    for times in range(2):
        replica = follower(ctx, primary.port)
        client("SET", "k", times)
        wait_until_level(primary, replica)
        identity, offset = info(client, "master_replid"), int(info(client, "master_repl_offset"))
        replica.stop()
        eventually(lambda: info(client, "repl_backlog_active") == "0", 10, "the backlog gone")
        client("SET", "k", "uncounted")
    replica = follower(ctx, primary.port)
    assert info(client, "master_replid") != identity, "what was not counted is no part of the old history"
    assert int(info(client, "master_repl_offset")) >= offset
    equal(replica.client()("GET", "k"), b"uncounted")
    equal(info(client, "sync_full"), "3")


@only("gyre")
@timeout(60)
def test_writes_want_replicas(ctx):
    """min-replicas-to-write, as redis-server has it: asked of both."""
    for primary in (ctx.server(*OPTIONS, "--min-replicas-to-write", "1", "--min-replicas-max-lag", "2"),
                    ctx.oracle(*OPTIONS, "--min-replicas-to-write", "1", "--min-replicas-max-lag", "2")):
        client = primary.client()
        refused = Error("NOREPLICAS Not enough good replicas to write.")
        equal(client("SET", "k", "v"), refused)
        equal(client("GET", "k"), None)
        equal(info(client, "min_slaves_good_slaves"), "0")
        equal(client.pipeline([("MULTI",), ("SET", "k", "v"), ("EXEC",)]),
              [Simple("OK"), refused, Error("EXECABORT Transaction discarded because of previous errors.")])
        equal(client("CONFIG", "SET", "min-replicas-to-write", 0), Simple("OK"))
        equal(client.pipeline([("MULTI",), ("SET", "k", "v")]), [Simple("OK"), Simple("QUEUED")])
        equal(primary.client()("CONFIG", "SET", "min-replicas-to-write", 1), Simple("OK"))
        equal(client("EXEC"), Error("EXECABORT Transaction discarded because of: NOREPLICAS Not enough good replicas to write."))
        front = Proxy(primary.port)
        follower(ctx, front.port)
        eventually(lambda: client("SET", "k", "v") == Simple("OK"), 10, "a replica that is good enough")
        equal(info(client, "min_slaves_good_slaves"), "1")
        front.silence(True)
        eventually(lambda: client("SET", "k", "v") == refused, 10, "a replica that says nothing")
        front.close()


@only("gyre")
@timeout(60)
def test_redis_cli_takes_a_dump(ctx):
    primary = ctx.server(*OPTIONS)
    primary.client()("DEBUG", "POPULATE", 5000)
    path = os.path.join(primary.folder, "copy.rdb")
    subprocess.run(["redis-cli", "-p", str(primary.port), "--rdb", path], check=True, capture_output=True, timeout=30)
    reader = ctx.oracle()
    reader.stop()
    os.rename(path, os.path.join(reader.folder, "dump.rdb"))
    reader.start()
    equal(Client(reader.port)("DBSIZE"), 5000)


@only("gyre")
@timeout(60)
def test_redis_cli_looks_on(ctx):
    """As a replica that wants no keys, and then every command; and one that wants functions, of which there are none. A replica that
    waits at the same time gets everything."""
    primary = ctx.server(*OPTIONS, "--repl-diskless-sync-delay", "1")
    client = primary.client()
    client("DEBUG", "POPULATE", 5000)
    path = os.path.join(primary.folder, "functions.rdb")
    replica = ctx.oracle(*OPTIONS, "--replicaof", f"127.0.0.1 {primary.port}")
    with subprocess.Popen(["stdbuf", "-oL", "redis-cli", "-p", str(primary.port), "--functions-rdb", path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as asks, \
         subprocess.Popen(["stdbuf", "-oL", "redis-cli", "-p", str(primary.port), "--replica"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as looks_on:
        equal(asks.wait(30), 0, asks.stdout.read())
        said = ""
        while "SYNC done" not in said:
            said += looks_on.stdout.readline()
        equal(client("MSET", "x", 1, "y", 2), "OK")
        while '"mset","x","1","y","2"' not in said.lower():
            said += looks_on.stdout.readline()
        looks_on.kill()
    assert int(said.split("discarding ")[1].split(" ")[0]) < 1000, said
    data = open(path, "rb").read()
    assert data.startswith(b"REDIS") and len(data) < 1000 and b"key:" not in data, data
    wait_until_level(primary, replica)
    equal(replica.client()("DBSIZE"), 5002)
    equal(info(client, "sync_full"), "3")
    ours, theirs = client, ctx.oracle().client()
    for words in ("x", "functions", "", "functions functions", "functions y", '"'):
        equal(ours("REPLCONF", "rdb-filter-only", words), theirs("REPLCONF", "rdb-filter-only", words), words)


@only("gyre")
@alone
@slow
@timeout(240)
def test_a_tree_of_stock_servers_below(ctx):
    grow(ctx, ["gyre"] + ["redis"] * 6, ctx.scaled(4), (cut_a_link, restart_a_leaf, restart_in_the_middle, hang_elsewhere))
