"""What can go wrong between a primary and a stock replica: each case ends with the replica level again, by itself."""
import os
import random
import signal
import socket
import struct
import time

from harness import alone, contains, equal, eventually, only, slow, timeout
from proxy import Proxy
from resp import encode
from test_replication_primary import follower, info
from tree import OPTIONS, Writers

KEYS = 60_000  # a dump that does not fit into the buffers of sockets
VALUE = "v" * 10000


def populated(ctx, count, *options):
    """A primary whose dump does not shrink."""
    primary = ctx.server(*OPTIONS, "--rdbcompression", "no", *options)
    primary.client()("DEBUG", "POPULATE", count, "key", 100)
    return primary


def throttled(ctx, rate, *options):
    """A primary, and a replica that is getting its dump at this rate, through the proxy."""
    primary = populated(ctx, KEYS, "--repl-backlog-size", "1mb", "--client-output-buffer-limit", "replica", "1mb", "0", "0", *options)
    front = Proxy(primary.port, narrow=True)
    front.throttle("down", rate)
    replica = ctx.oracle("--replicaof", f"127.0.0.1 {front.port}", "--repl-timeout", "30")
    eventually(lambda: "state=send_bulk" in (info(primary.client(), "slave0") or ""), 20, "a dump on its way")
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
    primary, front, replica = throttled(ctx, 1e6)
    client = primary.client()
    before = int(info(client, "used_memory"))
    write(client, 80)
    equal(info(client, "connected_slaves"), "1")
    contains(primary.log_text(), "is kept in a file for it")
    eventually(lambda: int(info(client, "used_memory")) < before + 12_000_000, 10, "the stream in the file and not in memory")
    assert 60e6 < int(info(client, "repl_spilled_bytes")) < 90e6, info(client, "repl_spilled_bytes")
    equal([name for name in os.listdir(primary.folder) if "repl" in name], [], "the file has no name")
    front.throttle("down", 2e7)  # as it goes on from the file, more is written
    eventually(lambda: "succeeded" in primary.log_text(), 30, "the dump sent")
    write(client, 20)
    front.heal()
    wait_until_equal(primary, replica)
    client("SET", "after", "that")
    wait_until_equal(primary, replica)
    equal([info(client, "sync_full"), info(client, "sync_partial_ok"), info(client, "repl_spilled_bytes")], ["1", "0", "0"])
    front.close()


@only("gyre")
@timeout(60)
def test_a_disk_that_is_full_costs_the_replica_only(ctx):
    primary, front, replica = throttled(ctx, 1e6)
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


# ---- replicas that vanish ----

GREETING = encode("PING") + encode("REPLCONF", "listening-port", 7) + encode("REPLCONF", "capa", "eof", "capa", "psync2")
GREETED = b"+PONG\r\n+OK\r\n+OK\r\n"
QUESTION = encode("PSYNC", "?", -1)
ACKNOWLEDGEMENT = encode("REPLCONF", "ACK", 0)


def vanish(connection, reset):
    """Closes it, or lets the kernel reset it."""
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read(connection, count, answer=b""):
    while count > 0:
        data = connection.recv(min(count, 1 << 16))
        assert data, "the primary closed the connection"
        count -= len(data)
        connection.sendall(answer)


def open_files(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


@only("gyre")
@timeout(60)
def test_replicas_that_vanish_anywhere(ctx):
    """At every byte of the handshake, in both directions, and at random ones of dump and stream. Nothing of them is left."""
    primary = populated(ctx, 5000)
    client = primary.client()
    eventually(lambda: info(client, "connected_clients") == "1", 10, "nobody else connected")
    files = open_files(primary)
    rng = random.Random(ctx.seed)
    step = 8 if ctx.quick else 1
    for length in range(0, len(GREETING + QUESTION) + 1, step):
        connection = socket.create_connection(("127.0.0.1", primary.port), 20)
        connection.sendall(GREETING[:length])
        if length > len(GREETING):
            read(connection, len(GREETED))
            connection.sendall(QUESTION[: length - len(GREETING)])
        vanish(connection, rng.random() < 0.5)
    writers = Writers(primary, count=1, seed=ctx.seed, pace_s=0.001)
    counts = list(range(0, 200, step)) + [rng.randrange(200, 800_000) for _ in range(ctx.scaled(200))]
    rng.shuffle(counts)
    for batch in (counts[at : at + 50] for at in range(0, len(counts), 50)):
        connections = [socket.create_connection(("127.0.0.1", primary.port), 20) for _ in batch]
        for connection in connections:
            connection.sendall(GREETING)
        for connection, count in zip(connections, batch):
            read(connection, min(count, len(GREETED)))
            if count > len(GREETED):
                connection.sendall(QUESTION)
        for connection, count in zip(connections, batch):
            read(connection, count - len(GREETED), ACKNOWLEDGEMENT)  # after the dump, it asks for the stream
            vanish(connection, rng.random() < 0.5)
    writers.stop()
    eventually(lambda: info(client, "connected_slaves") == "0", 10, "every replica gone")
    eventually(lambda: info(client, "connected_clients") == "1", 10, "every client gone")
    eventually(lambda: open_files(primary) <= files, 10, "every file closed")
    replica = follower(ctx, primary.port)
    wait_until_equal(primary, replica)


@only("gyre")
@timeout(60)
def test_links_cut_anywhere(ctx):
    """Stock replicas: cut in their handshake, dump or stream they are level again as soon as the link lets them."""
    primary = populated(ctx, 2000)
    fronts = [Proxy(primary.port) for _ in range(4)]
    replicas = [follower(ctx, front.port) for front in fronts]
    writers = Writers(primary, count=1, seed=ctx.seed, pace_s=0.02)
    rng = random.Random(ctx.seed)
    for anew in (False, True) * ctx.scaled(2):
        if anew:
            primary.client()("DEBUG", "CHANGE-REPL-ID")
        before = [front.connections for front in fronts]
        for front in fronts:
            front.cut_at(*rng.choice((("up", rng.randrange(220)), ("down", rng.randrange(150)), ("down", rng.randrange(400_000)))))
            front.cut()
        eventually(lambda: all(front.connections > count for front, count in zip(fronts, before)), 10, "every replica's next try")
        time.sleep(rng.random() * 0.2)
        for front in fronts:
            front.heal()
    writers.stop()
    for replica in replicas:
        wait_until_equal(primary, replica)
    for front in fronts:
        front.close()


@only("gyre")
@slow
@timeout(60)
def test_silence(ctx):
    """In the stream and in the dump: the primary notices after repl-timeout, and the replicas come back."""
    primary = populated(ctx, KEYS, "--repl-timeout", "2")
    client = primary.client()
    in_stream, in_dump = Proxy(primary.port), Proxy(primary.port, narrow=True)
    replicas = [follower(ctx, in_stream.port, "--repl-timeout", "2")]
    in_dump.throttle("down", 2e6)
    replicas.append(ctx.oracle("--replicaof", f"127.0.0.1 {in_dump.port}", "--repl-timeout", "2"))
    eventually(lambda: "state=send_bulk" in (info(client, "slave1") or ""), 10, "a dump on its way")
    in_stream.silence(True)
    in_dump.silence(True)
    client("SET", "k", "v")
    for phase in ("says nothing", "takes nothing of its dump"):
        eventually(lambda phase=phase: f"timeout: it {phase}" in primary.log_text(), 15, "the time-out")
    eventually(lambda: info(client, "connected_slaves") == "0", 10, "the replicas gone")
    in_stream.heal()
    in_dump.heal()
    for replica in replicas:
        wait_until_equal(primary, replica)
    in_stream.close()
    in_dump.close()


@only("gyre")
@timeout(60)
def test_a_replica_that_stops_reading(ctx):
    """It is cut off at the limit, as redis-server does it, and begins anew."""
    primary = ctx.server(*OPTIONS, "--repl-backlog-size", "1mb", "--client-output-buffer-limit", "replica", "4mb", "0", "0")
    client = primary.client()
    replica = follower(ctx, primary.port)
    client("SET", "k", "v")
    wait_until_equal(primary, replica)
    os.kill(replica.pid, signal.SIGSTOP)
    before = int(info(client, "used_memory"))
    write(client, 40)
    eventually(lambda: info(client, "connected_slaves") == "0", 10, "the replica cut off")
    contains(primary.log_text(), "lags behind more than client-output-buffer-limit allows")
    eventually(lambda: int(info(client, "used_memory")) < before + 8_000_000, 10, "what it was to get freed")
    os.kill(replica.pid, signal.SIGCONT)
    wait_until_equal(primary, replica)
    equal(info(client, "sync_full"), "2")


@only("gyre")
@slow
@timeout(60)
def test_the_primary_ends_at_any_time(ctx):
    """While one replica waits for a dump, one gets it, for another the stream is kept in a file, and one lags. Two are stock servers."""
    primary = populated(ctx, KEYS, "--save", "100000 1", "--shutdown-timeout", "1", "--repl-backlog-size", "1mb",
                        "--client-output-buffer-limit", "replica", "4mb", "0", "0")
    client = primary.client()
    fronts = [Proxy(primary.port, narrow=True) for _ in range(4)]
    replicas = [follower(ctx, fronts[0].port)]
    for number, front in enumerate(fronts[1:], 1):
        if number < 3:
            front.throttle("down", 1e5)
        else:
            client("CONFIG", "SET", "repl-diskless-sync-delay", 1000)
        replicas.append(ctx.server("--replicaof", f"127.0.0.1 {front.port}", kind=("redis", "gyre")[number % 2]))
        eventually(lambda number=number: info(client, f"slave{number}"), 10, "the replica there")
        if number < 3:
            eventually(lambda number=number: "state=send_bulk" in info(client, f"slave{number}"), 10, "its dump")
        if number == 1:
            write(client, 3)
            eventually(lambda: "is kept in a file" in primary.log_text(), 10, "the file")
    fronts[0].silence(True)
    client("SET", "k", "last")
    states = [info(client, f"slave{number}").split("state=")[1].split(",")[0] for number in range(4)]
    equal(states, ["online", "send_bulk", "send_bulk", "wait_bgsave"])
    primary.stop()
    equal([name for name in os.listdir(primary.folder) if name.startswith("temp")], [], "files left behind")
    primary.start()
    for front in fronts:
        front.target = primary.port
        front.heal()
        front.cut()
    for replica in replicas:
        wait_until_equal(primary, replica)
        equal(replica.client()("GET", "k"), b"last")
    for front in fronts:
        front.close()


def first_line(connection):
    """Of an answer to PSYNC, behind the newlines that come while a dump is prepared."""
    line = b""
    while not line.endswith(b"\n") or not line.strip():
        line = line.lstrip(b"\n") + connection.recv(1)
    return line


@only("gyre")
def test_what_the_backlog_is_not_to_keep_is_not_offered(ctx):
    """A replica that went on there would be over the limit at once, be cut off, and ask again, as fast as it can."""
    primary = ctx.server(*OPTIONS, "--repl-backlog-size", "16384", "--client-output-buffer-limit", "replica", "64kb", "0", "0")
    client = primary.client()
    with socket.create_connection(("127.0.0.1", primary.port), 20) as connection:
        connection.sendall(QUESTION)
        contains(first_line(connection), b"+FULLRESYNC")
    for _ in range(ctx.scaled(8)):
        eventually(lambda: int(info(client, "repl_backlog_histlen")) <= 16384, 5, "the backlog cut to its size")
        history, offset = info(client, "master_replid"), int(info(client, "master_repl_offset"))
        with socket.create_connection(("127.0.0.1", primary.port), 20) as connection:
            client("SET", "k", "v" * 3_000_000)
            while int(info(client, "master_repl_offset")) < offset + 3_000_000:
                pass  # an answer may come before the write has found its way into the stream
            connection.sendall(encode("PSYNC", history, offset + 1))
            contains(first_line(connection), b"+FULLRESYNC")
    equal(info(client, "sync_partial_ok"), "0")
