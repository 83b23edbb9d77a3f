"""What can go wrong while this server is the replica, below a stock primary and below one of its own kind: each case ends with the
replica level again, by itself, without a crash, a file or a descriptor left behind, and without being busy for nothing.

GYRE_SWEEP=1 tries every byte position where otherwise a sample is taken.
"""
import contextlib
import os
import random
import signal
import socket
import threading
import time

from harness import contains, equal, eventually, only, slow, timeout
from proxy import Proxy
from test_replication_primary import info
from tree import OPTIONS, Writers

SWEEP = bool(int(os.environ.get("GYRE_SWEEP", "0")))
SWEEP_S = 900 if SWEEP else 0
KINDS = ("gyre", "redis")
ID = "0123456789abcdef" * 2 + "01234567"

# What a primary says up to the end of each phase; then it says nothing.
PHASES = {
    "ping": "",
    "introduction": "+PONG\r\n",
    "half an introduction": "+PONG\r\n+OK\r\n+O",
    "question": "+PONG\r\n+OK\r\n+OK\r\n",
    "preparation": f"+PONG\r\n+OK\r\n+OK\r\n+FULLRESYNC {ID} 0\r\n\n\n",
    "dump of known length": f"+PONG\r\n+OK\r\n+OK\r\n+FULLRESYNC {ID} 0\r\n$1000000\r\nREDIS0011" + "x" * 5000,
    "dump with a mark": f"+PONG\r\n+OK\r\n+OK\r\n+FULLRESYNC {ID} 0\r\n$EOF:{ID}\r\nREDIS0011" + "x" * 5000,
}


class Fake:
    """A primary that says something, and then nothing more."""

    def __init__(self, text, accepts=True):
        self.connections, self._text, self._open = 0, text.encode(), []
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0 if not accepts else 10)
        self.port = self._listener.getsockname()[1]
        if accepts:
            threading.Thread(target=self._run, daemon=True).start()
        else:  # its queue is full: who connects has to wait
            for _ in range(3):
                filler = socket.socket()
                filler.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    filler.connect(("127.0.0.1", self.port))
                self._open.append(filler)

    def _run(self):
        while True:
            connection, _ = self._listener.accept()
            self.connections += 1
            with contextlib.suppress(OSError):
                connection.sendall(self._text)
            self._open.append(connection)


def primary_of(ctx, kind, *options):
    """Its dumps do not shrink."""
    return ctx.server(*OPTIONS, "--save", "", "--rdbcompression", "no", *options, kind=kind)


def replica_of(ctx, *options):
    return ctx.server(*OPTIONS, "--shards", "2", *options)


def follow(replica, port):
    equal(replica.client()("REPLICAOF", "127.0.0.1", port), "OK")


def link_error(replica):
    return info(replica.client(), "master_link_error") or ""


def wait_until_same(primary, replicas, seconds=30):
    def level():
        offset = info(primary.client(), "master_repl_offset")
        clients = [replica.client() for replica in replicas]
        return all(info(c, "master_link_status") == "up" and info(c, "slave_repl_offset") == offset for c in clients)

    eventually(level, seconds, "every replica level")
    digest = primary.client()("DEBUG", "DIGEST")
    for replica in replicas:
        equal(replica.client()("DEBUG", "DIGEST"), digest)


def dumps_left(server):
    return [name for name in os.listdir(server.folder) if name.startswith("temp")]


def open_files(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


# ---- cuts ----


def places_to_cut(ctx):
    """(direction, byte, whether everything comes anew): each of the handshake, and 200 of dump and stream."""
    rng = random.Random(ctx.seed)
    places = [(direction, at, anew) for anew in (False, True) for direction, end in (("up", 260), ("down", 170)) for at in range(end)]
    later = [("down", rng.randrange(170, 400_000), rng.random() < 0.7) for _ in range(200)]
    if not SWEEP:
        places, later = rng.sample(places, ctx.scaled(20)), later[: ctx.scaled(12)]
    places += later
    rng.shuffle(places)
    return sorted(places, key=lambda place: place[2])


def cut_everywhere(ctx, kind):
    primary = primary_of(ctx, kind)
    client = primary.client()
    client("DEBUG", "POPULATE", 2000, "key", 100)
    fronts = [Proxy(primary.port) for _ in range(16 if SWEEP else 8)]
    replicas = [replica_of(ctx, "--replicaof", f"127.0.0.1 {front.port}") for front in fronts]
    wait_until_same(primary, replicas)
    files = [open_files(replica) for replica in replicas]
    began, cpu = time.monotonic(), sum(replica.cpu_seconds() for replica in replicas)
    writers = Writers(primary, count=1, seed=ctx.seed, pace_s=0.02)
    places = places_to_cut(ctx)
    while places:
        batch, places = places[: len(fronts)], places[len(fronts) :]
        before = [front.connections for front in fronts]
        for front, (direction, at, _) in zip(fronts, batch):
            front.cut_at(direction, at)
        if batch[0][2]:
            client("DEBUG", "CHANGE-REPL-ID")
        for front, _ in zip(fronts, batch):
            front.cut()
        eventually(lambda n=len(batch), before=before: all(f.connections > b for f, b in zip(fronts[:n], before)), 20, "every replica's next try")
        time.sleep(0.1)
    for front in fronts:
        front.heal()
        front.cut()
    writers.stop()
    wait_until_same(primary, replicas)
    if not ctx.sanitized:
        share = (sum(replica.cpu_seconds() for replica in replicas) - cpu) / (time.monotonic() - began) / len(replicas)
        assert share < 0.25, f"each replica took {share:.2f} of a processor"
    fresh = replica_of(ctx, "--replicaof", f"127.0.0.1 {primary.port}")
    wait_until_same(primary, [fresh])
    usual = int(info(fresh.client(), "used_memory"))
    for replica in replicas:
        eventually(lambda replica=replica: int(info(replica.client(), "used_memory")) < usual * 1.1 + 2_000_000, 5, f"no more memory used than {usual}")
    for replica, count in zip(replicas, files):
        eventually(lambda replica=replica: not dumps_left(replica), 5, "no file left")
        eventually(lambda replica=replica, count=count: open_files(replica) <= count, 5, "no descriptor left")
    for front in fronts:
        front.close()


@only("gyre")
@timeout(60 + SWEEP_S)
def test_cut_anywhere_below_its_own_kind(ctx):
    cut_everywhere(ctx, "gyre")


@only("gyre")
@slow
@timeout(60 + SWEEP_S)
def test_cut_anywhere_below_a_stock_primary(ctx):
    cut_everywhere(ctx, "redis")


# ---- dumps that are damaged, or find no room ----


@only("gyre")
@timeout(60 + SWEEP_S)
def test_a_damaged_dump_changes_nothing(ctx):
    """A bit of any byte. The old data is served, the error says what is wrong, and the next dump gets in."""
    rng = random.Random(ctx.seed)
    for kind in KINDS * (13 if SWEEP else 1):
        primary = primary_of(ctx, kind)
        primary.client()("DEBUG", "POPULATE", 2000, "key", 100)
        fronts = [Proxy(primary.port) for _ in range(8)]
        replicas = [replica_of(ctx) for _ in fronts]
        places = [rng.randrange(170, 200_000) for _ in fronts]
        for replica, front, at in zip(replicas, fronts, places):
            replica.client()("SET", "own", "data")
            front.corrupt_at("down", at)
            follow(replica, front.port)
        for replica, at in zip(replicas, places):
            eventually(lambda replica=replica: "its dump cannot be loaded" in replica.log_text(), 10, f"the error (a bit of byte {at})")
        wait_until_same(primary, replicas)
        for replica, front in zip(replicas, fronts):
            said = replica.log_text()
            assert said.index("its dump cannot be loaded") < said.index("takes the place of the old"), "it was kept until the next came"
            equal(replica.client()("GET", "own"), None)
            front.close()
            replica.stop()
        primary.stop()


@only("gyre")
@timeout(60)
def test_no_room_for_a_dump(ctx):
    """The old data is served meanwhile; as soon as there is room the dump is taken."""
    primary = primary_of(ctx, "redis")
    primary.client()("DEBUG", "POPULATE", 2000, "key", 100)
    for kind, after, error, text in (("write", 0, "ENOSPC", "No space left"), ("open", 0, "EMFILE", "Too many open files")):
        replica = replica_of(ctx)
        here = replica.client()
        here("SET", "own", "data")
        equal(here("DEBUG", "FILE-FAULT", kind, after, error), "OK")
        follow(replica, primary.port)
        eventually(lambda replica=replica, text=text: text in link_error(replica), 10, f"the error of {kind} {error}")
        contains(link_error(replica), "the file for the dump, 'temp-")
        equal([here("GET", "own"), here("DBSIZE"), info(here, "master_link_status")], [b"data", 1, "down"])
        here("DEBUG", "FILE-FAULT", "HEAL")
        wait_until_same(primary, [replica])
        eventually(lambda replica=replica: not dumps_left(replica), 5, "no file left")


# ---- who says nothing, or the same twice ----


@only("gyre")
@timeout(60)
def test_a_primary_that_falls_silent(ctx):
    """In any phase: it is given up after repl-timeout, and asked again."""
    fakes = {phase: Fake(text) for phase, text in PHASES.items()}
    replicas = {phase: replica_of(ctx, "--repl-timeout", "1") for phase in fakes}
    for phase, fake in fakes.items():
        replicas[phase].client()("SET", "own", phase)
        follow(replicas[phase], fake.port)
    for phase, fake in fakes.items():
        eventually(lambda fake=fake: fake.connections >= 2, 20, f"another try after silence in the {phase}")
        here = replicas[phase].client()
        contains(replicas[phase].log_text(), "timeout: nothing was heard of it")
        equal([here("GET", "own"), here("REPLICAOF", "NO", "ONE")], [phase.encode(), "OK"])
        eventually(lambda phase=phase: not dumps_left(replicas[phase]), 5, "no file left")


@only("gyre")
@slow
@timeout(60)
def test_a_connection_that_is_there_twice(ctx):
    """All that the replica says comes to the primary over two connections, and what is said to the second (that it is a replica too,
    or that PSYNC came too early behind other commands) is lost: nothing of it matters to the replica."""
    for kind in KINDS:
        primary = primary_of(ctx, kind)
        client = primary.client()
        client("DEBUG", "POPULATE", 2000, "key", 100)
        front = Proxy(primary.port)
        front.duplicate(True)
        replica = replica_of(ctx, "--replicaof", f"127.0.0.1 {front.port}")
        eventually(lambda client=client: len(client("CLIENT", "LIST").splitlines()) == 3, 10, "both connections")
        writers = Writers(primary, count=1, seed=ctx.seed, pace_s=0.005)
        time.sleep(0.3)
        front.cut()
        time.sleep(0.3)
        writers.stop()
        wait_until_same(primary, [replica])
        front.heal()
        front.cut()
        client("SET", "after", "that")
        wait_until_same(primary, [replica])
        eventually(lambda client=client: info(client, "connected_slaves") == "1", 10, "one connection")
        front.close()


@only("gyre")
@slow
@timeout(60)
def test_a_replica_that_stops_reading(ctx):
    """It is cut off, and comes back with everything."""
    for kind in KINDS:
        primary = primary_of(ctx, kind, "--client-output-buffer-limit", "replica", "4mb", "0", "0")
        client = primary.client()
        client("CONFIG", "SET", "repl-backlog-size", "1mb")
        replica = replica_of(ctx, "--replicaof", f"127.0.0.1 {primary.port}")
        client("SET", "k", "v")
        wait_until_same(primary, [replica])
        os.kill(replica.pid, signal.SIGSTOP)
        for _ in range(40):
            client.pipeline([("SET", f"w{n}", "v" * 10000) for n in range(110)])
        eventually(lambda client=client: info(client, "connected_slaves") == "0", 10, "the replica cut off")
        os.kill(replica.pid, signal.SIGCONT)
        wait_until_same(primary, [replica])
        equal(info(client, "sync_full"), "2")


# ---- nothing to be busy with ----


def hopeless(ctx):
    """Replicas that cannot have what they want: (what it is, the replica, what the error says: one of these)."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        deserted = nobody.getsockname()[1]
    closing = Proxy(deserted)
    guarded = primary_of(ctx, "redis", "--requirepass", "secret")
    strange = primary_of(ctx, "redis")
    strange.client()("XADD", "stream-key", "*", "field", "value")
    plain = primary_of(ctx, "gyre")
    plain.client()("DEBUG", "POPULATE", 100)

    def one(port, *words):
        replica = replica_of(ctx)
        replica.client()("SET", "own", "data")
        for line in words:
            equal(replica.client()(*line), "OK")
        follow(replica, port or replica.port)
        return replica

    yield "nobody there", one(deserted), "cannot be reached"
    yield "closed at once", one(closing.port), "closed the connection|reset"
    yield "no password", one(guarded.port), "NOAUTH"
    yield "wrong password", one(guarded.port, ("CONFIG", "SET", "masterauth", "wrong")), "WRONGPASS"
    yield "wrong user", one(guarded.port, ("CONFIG", "SET", "masteruser", "x", "masterauth", "secret")), "WRONGPASS"
    yield "a type not known", one(strange.port), "stream"
    yield "no room", one(plain.port, ("DEBUG", "FILE-FAULT", "write", 0, "ENOSPC")), "No space left"
    yield "itself", one(None), "NOMASTERLINK"
    yield "no queue", one(Fake("", accepts=False).port), ""
    for phase in ("ping", "question", "dump with a mark"):
        yield phase, one(Fake(PHASES[phase]).port), ""
    pair = [replica_of(ctx) for _ in range(2)]
    pair[0].client()("SET", "own", "data")
    follow(pair[1], pair[0].port)
    eventually(lambda: info(pair[1].client(), "master_link_status") == "up", 10, "the link")
    follow(pair[0], pair[1].port)
    yield "a pair, the first", pair[0], "NOMASTERLINK"


@only("gyre")
@slow
@timeout(60)
def test_who_cannot_be_helped_waits(ctx):
    """Tries once in a second and says why it fails; its data stays; it takes next to nothing of a processor."""
    cases = list(hopeless(ctx))
    for what, replica, text in cases:
        eventually(lambda replica=replica, text=text: any(part in link_error(replica) for part in text.split("|")), 10, f"{what}: the reason '{text}'")
    before = [(replica.cpu_seconds(), len(replica.log_text())) for _, replica, _ in cases]
    time.sleep(2)
    for (what, replica, _), (cpu, logged) in zip(cases, before):
        used = replica.cpu_seconds() - cpu
        assert ctx.sanitized or used < 0.2, f"{what}: {used:.2f} s of a processor within 2 s"
        assert len(replica.log_text()) - logged < 8000, f"{what}: it logs too much\n{replica.tail(20)}"
        equal(replica.client()("GET", "own"), b"data", what)
        equal(info(replica.client(), "master_link_status"), "down", what)


@only("gyre")
@slow
@timeout(60)
def test_three_that_follow_each_other(ctx):
    """Nobody is the primary: nothing goes round, the data stays, and one that is made the primary ends it."""
    nodes = [replica_of(ctx, "--repl-timeout", "2") for _ in range(3)]
    nodes[0].client()("SET", "k", "v")
    follow(nodes[1], nodes[0].port)
    wait_until_same(nodes[0], nodes[1:2])
    follow(nodes[2], nodes[1].port)
    wait_until_same(nodes[0], nodes[1:])
    follow(nodes[0], nodes[2].port)
    offsets = [int(info(node.client(), "master_repl_offset")) for node in nodes]
    cpu = [node.cpu_seconds() for node in nodes]
    time.sleep(3)
    for node, offset, used in zip(nodes, offsets, cpu):
        equal(node.client()("GET", "k"), b"v")
        assert int(info(node.client(), "master_repl_offset")) - offset < 1000, "something goes round"
        assert ctx.sanitized or node.cpu_seconds() - used < 0.3, f"{node.cpu_seconds() - used:.2f} s of a processor within 3 s"
    for node in nodes:
        eventually(lambda node=node: "NOMASTERLINK" in link_error(node), 15, "an error that says so")
    equal(nodes[0].client()("REPLICAOF", "NO", "ONE"), "OK")
    nodes[0].client()("SET", "k", "w")
    wait_until_same(nodes[0], nodes[1:], 20)
    equal(nodes[2].client()("GET", "k"), b"w")


# ---- ends ----


@only("gyre")
@timeout(60)
def test_it_ends_in_any_phase_of_the_handshake(ctx):
    """SIGTERM: at once, with nothing left behind, and with its data saved."""
    for phase, fake in [(phase, Fake(text)) for phase, text in PHASES.items()] + [("connection", Fake("", accepts=False))]:
        replica = replica_of(ctx, "--save", "100000 1")
        replica.client()("SET", "own", phase)
        follow(replica, fake.port)
        if phase != "connection":
            eventually(lambda fake=fake: fake.connections, 10, "the connection")
        time.sleep(0.1)
        began = time.monotonic()
        replica.stop()
        took = time.monotonic() - began
        assert ctx.sanitized or took < 2, f"{phase}: the end took {took:.1f} s"
        equal(dumps_left(replica), [], phase)
        replica.start()
        equal(replica.client()("GET", "own"), phase.encode())
        replica.stop()


@only("gyre")
@timeout(60 + SWEEP_S)
def test_it_ends_while_it_loads(ctx):
    """SIGTERM at any moment of it: what is saved is what there was, or all of what has come."""
    keys = ctx.scaled(200_000)
    rng = random.Random(ctx.seed)
    primary = primary_of(ctx, "gyre")
    primary.client()("DEBUG", "POPULATE", keys, "key", 100)
    for own in (3, 0) * (20 if SWEEP else 1 if ctx.quick else 2):
        replica = replica_of(ctx, "--save", "100000 1")
        here = replica.client()
        for n in range(own):
            here("SET", f"own:{n}", n)
        follow(replica, primary.port)
        eventually(lambda replica=replica: "bytes received" in replica.log_text() or "to disk" in replica.log_text(), 20, "the dump")
        time.sleep(rng.random() * 0.4)
        replica.stop()
        equal(dumps_left(replica), [])
        replica.start()
        found = replica.client()("DBSIZE")
        assert found in (own, keys), f"{found} keys, where {own} had been and {keys} were to come"
        follow(replica, primary.port)
        wait_until_same(primary, [replica])
        replica.stop()


def bytes_until_the_dump_ends(primary):
    """From the primary to a replica: the handshake is the first 170."""
    return 170 + 125 * primary.client()("DBSIZE")


@only("gyre")
@timeout(120 + SWEEP_S)
def test_the_primary_ends_at_any_moment(ctx):
    """SIGTERM or SIGKILL in the handshake, the dump, the loading or the stream: its replica keeps what it has, whole, and is level with it soon
    after it is there again."""
    rng = random.Random(ctx.seed)
    for kind in KINDS:
        primary = ctx.server(*OPTIONS, "--save", "100000 1", "--rdbcompression", "no", kind=kind)
        primary.client()("DEBUG", "POPULATE", 2000, "key", 100)
        equal(primary.client()("SAVE"), "OK")
        front = Proxy(primary.port, narrow=True)
        replica = replica_of(ctx, "--replicaof", f"127.0.0.1 {front.port}")
        wait_until_same(primary, [replica])
        end = bytes_until_the_dump_ends(primary)
        moments = [0, 1, 60, 100, 170, 1000, end // 2, end - 20_000, end + 20_000, None]
        for number, moment in enumerate(moments if SWEEP else rng.sample(moments, 2 if ctx.quick else 4)):
            primary.client()("SET", "number", number)
            eventually(lambda primary=primary: primary.client()("SAVE") == "OK", 10, "a file, once no dump is under way")
            if moment is not None:
                primary.client()("DEBUG", "CHANGE-REPL-ID")
                front.cut_at("down", moment)
                front.cut()
                before = front.connections
                eventually(lambda before=before: front.connections > before, 10, "the next try")
                time.sleep(rng.random() * 0.05)
            primary.stop() if rng.random() < 0.5 else primary.kill()
            front.heal()
            here = replica.client()
            time.sleep(rng.random() * 0.3)
            equal(here("EXISTS", "key:0", "key:1999"), 2, f"after byte {moment}")
            primary.start()
            front.target = primary.port
            wait_until_same(primary, [replica])
            equal(dumps_left(replica), [])
        front.close()
        replica.stop()
        primary.stop()


@only("gyre")
@timeout(60)
def test_what_wait_acknowledged_is_not_lost(ctx):
    """Links are cut; then the primary is killed: whichever of the replicas follows it holds all that both had acknowledged."""
    primary = primary_of(ctx, "gyre")
    fronts = [Proxy(primary.port) for _ in range(2)]
    replicas = [replica_of(ctx, "--replicaof", f"127.0.0.1 {front.port}") for front in fronts]
    wait_until_same(primary, replicas)
    acknowledged, over = [[], []], []

    def write(number):
        with primary.client() as client:
            n = 0
            while not over:
                n += 1
                client("SET", f"key:{number}:{n}", n)
                if client("WAIT", 2, 50) == 2:
                    acknowledged[number].append(n)

    threads = [threading.Thread(target=write, args=(number,), daemon=True) for number in range(2)]
    for thread in threads:
        thread.start()
    rng = random.Random(ctx.seed)
    for _ in range(3):
        time.sleep(0.1 + rng.random() * 0.3)
        rng.choice(fronts).cut()
    time.sleep(0.7 + rng.random())
    over.append(True)
    for thread in threads:
        thread.join()
    primary.kill()
    chosen = replicas[rng.randrange(2)]
    equal(chosen.client()("REPLICAOF", "NO", "ONE"), "OK")
    assert min(len(one) for one in acknowledged) > 0
    for number, numbers in enumerate(acknowledged):
        found = chosen.client()("MGET", *(f"key:{number}:{n}" for n in numbers))
        equal([value and int(value) for value in found], numbers)
    for front in fronts:
        front.close()


# ---- whom to follow, changed all the time ----


@only("gyre")
@timeout(60 + SWEEP_S)
def test_the_role_changes_at_any_time(ctx):
    """In the middle of a handshake, a dump, loading, a snapshot, an append-only file that begins: the last word counts."""
    rng = random.Random(ctx.seed)
    primary = primary_of(ctx, rng.choice(KINDS))
    primary.client()("DEBUG", "POPULATE", ctx.scaled(60_000), "key", 100)
    front = Proxy(primary.port)
    replica, below = replica_of(ctx, "--save", "100000 1"), replica_of(ctx)
    follow(below, replica.port)
    fakes = [Fake(text) for text in PHASES.values()]
    writers = Writers(primary, count=1, seed=ctx.seed, pace_s=0.01)
    here = replica.client(timeout=60)
    for _ in range(2000 if SWEEP else ctx.scaled(60)):
        here(*rng.choice((
            ("REPLICAOF", "NO", "ONE"), ("REPLICAOF", "127.0.0.1", rng.choice(fakes).port), ("SET", f"own:{rng.randrange(9)}", 1), ("BGSAVE",),
            ("CONFIG", "SET", "appendonly", rng.choice(("yes", "no"))), ("BGREWRITEAOF",), ("CLIENT", "KILL", "TYPE", "master"),
            ("CONFIG", "SET", "repl-diskless-load", rng.choice(("swapdb", "disabled"))), ("MULTI",), ("EXEC",),
            *[("REPLICAOF", "127.0.0.1", front.port)] * 5)))
        if rng.random() < 0.1:
            front.cut()
        time.sleep(rng.choice((0, 0.02, 0.3)) * rng.random())
    here("DISCARD")
    here("REPLICAOF", "127.0.0.1", front.port)
    writers.stop()
    wait_until_same(primary, [replica, below])
    eventually(lambda: not dumps_left(replica), 5, "no file left")
    front.close()
