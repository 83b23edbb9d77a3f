"""The append-only file as a service: exchange with redis-server, damage, disks that fail, on and off, rewrites, WAITAOF."""
import pathlib
import select
import shutil
import subprocess
import threading
import time

from fixture import ROOT, server_environment
from harness import contains, equal, eventually, only, timeout
from resp import Client, Error, encode

ON = ("--appendonly", "yes")


def folder(server):
    return pathlib.Path(server.folder) / "appendonlydir"


def increment(server):
    return sorted(folder(server).glob("*.incr.aof"), key=lambda path: int(path.name.split(".")[-3]))[-1]


def fill(client):
    for i in range(200):
        client("SET", f"s{i}", f"value {i}")
        client("RPUSH", f"l{i % 7}", str(i), "x" * i)
        client("ZADD", f"z{i % 5}", str(i / 3), f"m{i}")
        client("HSET", f"h{i % 5}", f"f{i}", str(i))
        client("SADD", f"set{i % 5}", str(i))
    client("SELECT", "9")
    client("SET", "there", "1", "EX", "10000")
    client("SELECT", "0")
    client("SET", "large", "v" * 300_000)
    client("SPOP", "set0", "3")


def info(client, name):
    for line in client("INFO", "persistence").split(b"\r\n"):
        if line.startswith(name.encode() + b":"):
            return line.split(b":", 1)[1].decode()
    raise AssertionError(f"{name} is not in INFO persistence")


def is_loaded(client):
    return not isinstance(client("GET", "a"), Error)


def restarted(server):
    server.start()
    client = server.client()
    eventually(lambda: is_loaded(client), what="the end of loading")
    return client


def start_fails(server):
    """Starts a server that must not come up; returns what it said."""
    before = len(server.log_text())
    try:
        server.start()
    except RuntimeError:
        pass
    else:
        # It may answer (-LOADING) before it gives up.
        eventually(lambda: not server.alive(), what="the end of a server that cannot load")
    assert server.process.returncode not in (0, None), "it started"
    return server.log_text()[before:]


@only("gyre")
@timeout(60)
def test_redis_starts_from_ours_and_we_from_its(ctx):
    ours = ctx.server(*ON)
    client = ours.client()
    fill(client)
    client("BGREWRITEAOF")
    eventually(lambda: info(client, "aof_rewrites") == "1", what="a rewrite")
    client("SET", "after", "the rewrite")
    digest = client("DEBUG", "DIGEST")
    ours.stop()
    theirs = ctx.oracle(*ON)
    theirs.stop()
    shutil.rmtree(folder(theirs))
    shutil.copytree(folder(ours), folder(theirs))
    client = restarted(theirs)
    equal(client("DEBUG", "DIGEST"), digest, "redis-server, from our files")
    client("RPUSH", "l1", "one more")
    client("BGREWRITEAOF")
    eventually(lambda: info(client, "aof_rewrite_in_progress") == "0" and info(client, "aof_last_bgrewrite_status") == "ok")
    client("SET", "again", "1")
    digest = client("DEBUG", "DIGEST")
    theirs.stop()
    shutil.rmtree(folder(ours))
    shutil.copytree(folder(theirs), folder(ours))
    client = restarted(ours)
    equal(client("DEBUG", "DIGEST"), digest, "gyre-server, from the files of redis-server")


@only("gyre")
@timeout(60)
def test_an_old_single_file_is_taken_over(ctx):
    server = ctx.server(*ON)
    server.stop()
    shutil.rmtree(folder(server))
    old = pathlib.Path(server.folder) / "appendonly.aof"
    old.write_bytes(encode("SELECT", "0") + encode("SET", "old", "1") + encode("RPUSH", "list", "a", "b"))
    client = restarted(server)
    equal([client("GET", "old"), client("LLEN", "list"), old.exists()], [b"1", 2, False])
    client("SET", "new", "1")
    server.stop()
    client = restarted(server)
    equal(client("MGET", "old", "new"), [b"1", b"1"])


@only("gyre")
@timeout(60)
def test_a_torn_tail_is_cut_and_a_transaction_in_halves_dropped(ctx):
    server = ctx.server(*ON)
    client = server.client()
    client("SET", "a", "1")
    server.stop()
    whole = increment(server).read_bytes()
    for tail in (b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$10\r\nxx", b"*", encode("MULTI") + encode("SET", "b", "1"),
                 encode("MULTI") + encode("SET", "b", "1") + b"*1\r\n$4\r\nEXEC"):
        increment(server).write_bytes(whole + tail)
        client = restarted(server)
        equal([client("GET", "a"), client("EXISTS", "b")], [b"1", 0])
        server.stop()
        equal(increment(server).read_bytes(), whole, "cut off where it was whole")
        contains(server.log_text(), f"at offset {len(whole)}")
    increment(server).write_bytes(whole + b"*3\r\n")
    server.options += ["--aof-load-truncated", "no"]
    contains(start_fails(server), "Unexpected end of file")


@only("gyre")
@timeout(60)
def test_damage_is_refused_and_located(ctx):
    server = ctx.server(*ON)
    client = server.client()
    for i in range(10):
        client("SET", f"k{i}", "value")
    server.stop()
    whole = increment(server).read_bytes()
    at = whole.index(b"k5") - 4
    increment(server).write_bytes(whole[:at] + b"?" + whole[at + 1 :])
    said = start_fails(server)
    contains(said, "Bad file format reading the append only file")
    contains(said, f"at offset {at}")
    increment(server).write_bytes(whole + encode("NOSUCHCOMMAND", "x"))
    contains(start_fails(server), "Unknown command 'NOSUCHCOMMAND'")
    increment(server).write_bytes(whole)
    manifest = folder(server) / "appendonly.aof.manifest"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("type b", "type q"), encoding="utf-8")
    contains(start_fails(server), "Unknown AOF file type")
    manifest.write_text(text, encoding="utf-8")
    equal(restarted(server)("DBSIZE"), 10)


@only("gyre")
def test_check_aof(ctx):
    server = ctx.server(*ON)
    server.client()("SET", "a", "1")
    server.stop()
    path, manifest = increment(server), folder(server) / "appendonly.aof.manifest"
    whole = path.read_bytes()

    def check(*words, say=""):
        program = str(ROOT / "build" / ctx.variant / "gyre-server")
        done = subprocess.run([program, "--check-aof", *words], input=say, capture_output=True, text=True,
                              env=server_environment(), timeout=30, check=False)
        return done.returncode, done.stdout

    equal(check(str(manifest))[0], 0)
    path.write_bytes(whole + b"*2\r\n$3\r\nDEL")
    status, said = check(str(manifest))
    equal(status, 1)
    contains(said, f"ok_up_to={len(whole)}")
    equal(check("--fix", str(manifest), say="n\n")[0], 1)
    equal(check("--fix", str(manifest), say="y\n")[0], 0)
    equal(path.read_bytes(), whole)


@only("gyre")
@timeout(60)
def test_writes_are_refused_while_the_disk_is_full_and_go_on_afterwards(ctx):
    server = ctx.server(*ON, "--appendfsync", "everysec")
    client = server.client()
    client("SET", "a", "1")
    eventually(lambda: b"SET" in increment(server).read_bytes(), what="the first write")
    client("DEBUG", "FILE-FAULT", "write", "0", "ENOSPC")
    equal(str(client("SET", "b", "1")), "OK")
    eventually(lambda: info(client, "aof_last_write_status") == "err", what="the error")
    refused = client("SET", "c", "1")
    equal(str(refused), "MISCONF Errors writing to the AOF file: No space left on device")
    contains(str(client("PING")), "MISCONF")
    equal(client("GET", "a"), b"1")
    client("DEBUG", "FILE-FAULT", "HEAL")
    eventually(lambda: info(client, "aof_last_write_status") == "ok", what="the end of the error")
    client("SET", "d", "1")
    server.stop()
    equal(restarted(server)("MGET", "a", "b", "c", "d"), [b"1", b"1", None, b"1"])


@only("gyre")
@timeout(60)
def test_always_holds_back_replies_while_the_disk_hangs(ctx):
    server = ctx.server(*ON, "--appendfsync", "always")
    client, other = server.client(), server.client()
    client("SET", "a", "1")
    for kind in ("sync", "write"):
        other("DEBUG", "FILE-FAULT", kind, "0", "HANG")
        client.send_command("SET", "a", kind)
        with Client(server.port, timeout=0.5) as reader:
            try:
                while True:  # until the write has been done, and its reader waits with it
                    assert reader("GET", "a") != kind.encode(), "shown before it is durable"
            except TimeoutError:
                pass
        equal(other("GET", "another"), None, "what is durable can be read")
        other("DEBUG", "FILE-FAULT", "HEAL")
        equal(str(client.read()), "OK")
        equal(other("GET", "a"), kind.encode())


@only("gyre")
@timeout(60)
def test_always_holds_back_what_is_pushed(ctx):
    """Subscribers on all threads hear of a change when it is durable: by its event, and by what is published behind it."""
    server = ctx.server(*ON, "--appendfsync", "always", "--notify-keyspace-events", "KEA", "--shards", "4")
    client, other = server.client(), server.client()
    listeners = [server.client() for _ in range(16)]
    for number, listener in enumerate(listeners):
        equal(listener("PSUBSCRIBE" if number % 2 else "SUBSCRIBE", "__keyspace@0__:a", "news")[0], b"psubscribe" if number % 2 else b"subscribe")
        listener.read()
    for kind in ("write", "sync"):
        other("DEBUG", "FILE-FAULT", kind, "0", "HANG")
        client.send(encode("SET", "a", kind) + encode("PUBLISH", "news", kind) + encode("MULTI") + encode("DEL", "a") + encode("EXEC"))
        equal(select.select([listener.socket for listener in listeners], [], [], 0.3)[0], [], "told before it is durable")
        other("DEBUG", "FILE-FAULT", "HEAL")
        equal([str(client.read()), client.read()], ["OK", len(listeners)])
        for _ in range(3):
            client.read()
        for listener in listeners:
            equal([listener.read()[-2:] for _ in range(3)],
                  [[b"__keyspace@0__:a", b"set"], [b"news", kind.encode()], [b"__keyspace@0__:a", b"del"]])
    equal(client("PUBLISH", "news", "of nothing"), len(listeners))
    equal([listener.read()[-1] for listener in listeners], [b"of nothing"] * len(listeners))


@only("gyre")
@timeout(60)
def test_always_pushes_while_there_is_always_more(ctx):
    """Changes that never end do not keep a subscriber on another thread waiting for their end."""
    server = ctx.server(*ON, "--appendfsync", "always", "--notify-keyspace-events", "KEA", "--shards", "4")
    listeners, seen, over = [server.client() for _ in range(8)], [0] * 8, []
    for listener in listeners:
        listener("PSUBSCRIBE", "__keyevent@0__:*")

    def write(client):
        while not over:
            client.pipeline([("SET", f"k{n}", n) for n in range(200)])

    def listen(number):
        while not over:
            listeners[number].read()
            seen[number] += 1

    threads = [threading.Thread(target=write, args=(server.client(),), daemon=True) for _ in range(4)]
    threads += [threading.Thread(target=listen, args=(number,), daemon=True) for number in range(8)]
    for thread in threads:
        thread.start()
    eventually(lambda: min(seen) > 500, 20, "events for all, while they are made")
    over.append(True)
    for thread in threads[:4]:
        thread.join()


@only("gyre")
@timeout(60)
def test_always_keeps_from_replicas_what_is_not_durable(ctx):
    """Neither by the stream nor by a dump do they have what a crash could take from the primary: so they never are ahead of it afterwards."""
    server = ctx.server(*ON, "--appendfsync", "always", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")
    client, other = server.client(), server.client()
    replicas = [ctx.server(kind=kind) for kind in ("redis", "gyre")]
    late = ctx.server()

    def have(*value):
        return [replica.client()("GET", "a") for replica in replicas] == list(value) * 2

    def is_up(replica):
        return b"master_link_status:up" in replica.client()("INFO", "replication")

    client("SET", "a", "1")
    for replica in replicas:
        replica.client()("REPLICAOF", "127.0.0.1", server.port)
        eventually(lambda replica=replica: is_up(replica), 10, "the link")
    for kind in ("write", "sync"):
        eventually(lambda: have(b"1"), 5, "what is durable")
        other("DEBUG", "FILE-FAULT", kind, "0", "HANG")
        client.send_command("SET", "a", kind)
        if kind == "sync":
            late.client()("REPLICAOF", "127.0.0.1", server.port)
        time.sleep(1.2)
        assert have(b"1"), "a replica has what is not durable"
        equal([is_up(replica) for replica in (*replicas, late)], [True, True, False])
        other("DEBUG", "FILE-FAULT", "HEAL")
        equal(str(client.read()), "OK")
        eventually(lambda kind=kind: have(kind.encode()), 5, "what is durable now")
        client("SET", "a", "1")
    eventually(lambda: is_up(late), 10, "the link of the one that came while the disk hung")
    eventually(lambda: late.client()("GET", "a") == b"1" and have(b"1"), 10, "what came last")
    other("DEBUG", "FILE-FAULT", "write", "0", "HANG")
    client.send_command("SET", "a", "lost")
    time.sleep(0.3)
    server.kill()
    assert have(b"1"), "a replica has what was lost"


@only("gyre")
@timeout(60)
def test_a_failed_sync_is_made_good(ctx):
    server = ctx.server(*ON, "--appendfsync", "always")
    client, other = server.client(), server.client()
    client("SET", "a", "1")
    other("DEBUG", "FILE-FAULT", "sync", "0", "EIO")
    client.send_command("SET", "a", "2")
    eventually(lambda: info(other, "aof_last_write_status") == "err", what="the error")
    contains(str(other("SET", "b", "1")), "MISCONF")
    other("DEBUG", "FILE-FAULT", "HEAL")
    equal(str(client.read()), "OK")
    equal(str(client("SET", "c", "1")), "OK")
    server.kill()
    equal(restarted(server)("MGET", "a", "b", "c"), [b"2", None, b"1"])


@only("gyre")
@timeout(60)
def test_on_and_off_at_run_time(ctx):
    server = ctx.server()
    client = server.client()
    fill(client)
    client("CONFIG", "SET", "appendonly", "yes")
    eventually(lambda: info(client, "aof_enabled") == "1" and info(client, "aof_rewrite_in_progress") == "0", what="on")
    client("SET", "while", "on")
    client("CONFIG", "SET", "appendonly", "no")
    eventually(lambda: info(client, "aof_enabled") == "0", what="off")
    client("SET", "while", "off")
    client("CONFIG", "SET", "appendonly", "yes")
    eventually(lambda: info(client, "aof_enabled") == "1" and info(client, "aof_rewrite_in_progress") == "0", what="on again")
    client("SET", "last", "1")
    digest = client("DEBUG", "DIGEST")
    equal(len(list(folder(server).iterdir())), 3, "a base, an increment, the manifest")
    server.stop()
    server.options += ON
    equal(restarted(server)("DEBUG", "DIGEST"), digest)


@only("gyre")
@timeout(60)
def test_rewrites_under_writes_lose_nothing(ctx):
    server = ctx.server(*ON, "--auto-aof-rewrite-min-size", "200kb", "--auto-aof-rewrite-percentage", "50")
    stop, counts = threading.Event(), [0] * 3

    def write(i):
        with Client(server.port, timeout=30) as client:
            while not stop.is_set():
                batch = b"".join(encode("INCR", f"counter:{i}:{n % 100}") for n in range(counts[i], counts[i] + 50))
                client.send(batch)
                for _ in range(50):
                    client.read()
                counts[i] += 50

    threads = [threading.Thread(target=write, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    with server.client() as client:
        eventually(lambda: int(info(client, "aof_rewrites")) >= 3, seconds=30, what="three rewrites by themselves")
        stop.set()
        for thread in threads:
            thread.join()
        digest = client("DEBUG", "DIGEST")
    server.stop()
    client = restarted(server)
    equal(client("DEBUG", "DIGEST"), digest)
    for i in range(3):
        equal(sum(int(client("GET", f"counter:{i}:{n}") or 0) for n in range(100)), counts[i])


@only("gyre")
@timeout(60)
def test_keys_past_their_time_stay_gone(ctx):
    server = ctx.server(*ON, "--appendfsync", "always")
    client = server.client()
    client("SET", "short", "1", "PX", "300")
    client("SET", "kept", "1", "PX", "300")
    client("PERSIST", "kept")
    server.kill()
    time.sleep(0.4)
    client = restarted(server)
    equal(client("MGET", "short", "kept"), [None, b"1"])


@only("gyre")
def test_times_are_noted(ctx):
    server = ctx.server(*ON, "--aof-timestamp-enabled", "yes")
    client = server.client()
    client("SET", "a", "1")
    eventually(lambda: b"#TS:" in increment(server).read_bytes(), what="a time in the file")
    server.stop()
    equal(restarted(server)("GET", "a"), b"1")


@only("gyre")
@timeout(60)
def test_waitaof(ctx):
    server = ctx.server(*ON, "--appendfsync", "everysec")
    client = server.client()
    client("SET", "a", "1")
    equal(client("WAITAOF", "1", "0", "5000"), [1, 0])
    client("SET", "a", "2")
    equal(client("WAITAOF", "0", "0", "0")[1], 0)
    equal(client("WAITAOF", "0", "1", "50")[1], 0)
    contains(str(client("WAITAOF", "2", "0", "0")), "value must between 0 and 1")
    contains(str(client("WAITAOF", "1", "0", "-1")), "timeout is negative")
    contains(str(ctx.server().client()("WAITAOF", "1", "0", "0")), "appendonly is disabled")
