"""The wire: requests cut anywhere, malformed, oversized, absurd; what redis-server answers is what has to be answered."""
import random
import socket
import time

from harness import equal, only, slow, timeout
from resp import Client, Error, Simple, encode

# What a server must understand whatever the pieces it comes in.
REQUESTS = [
    encode("SET", "key", "value"),
    encode("GET", "key") + encode("APPEND", "key", "\r\n*1\r\n$4\r\nPING\r\n") + encode("GET", "key"),
    encode("MSET", "", "", b"\x00\r\n", b"\xff" * 30, "c", "3") + encode("MGET", "", b"\x00\r\n", "c", "none"),
    b"PING\r\n*1\r\n$4\r\nPING\r\nPING inline\r\n",
    b'SET inline "quoted \\x41\\n" \r\nGET inline\r\n',
    b"\r\n\r\n*0\r\n*-1\r\nPING\r\n",
    encode("nonsense", "a") + encode("GET") + b"ECHO 'single \\' quotes'\r\n",
    b"PING\nPING\r\n",
]

# Each is sent on a connection of its own; the reply and whether the connection is closed must be Redis's.
MALFORMED = [
    b"*abc\r\n", b"*\r\n", b"*-2\r\n", b"* 1\r\n", b"*+1\r\n", b"*01\r\n", b"*1 \r\n", b"*1.0\r\n", b"*1\n", b"*0x1\r\n",
    b"*1048577\r\n", b"*2147483647\r\n", b"*2147483648\r\n", b"*9223372036854775808\r\n", b"*-9223372036854775808\r\n",
    b"*99999999999999999999999\r\n",
    b"*1\r\n+OK\r\n", b"*1\r\n\r\n", b"*1\r\nPING\r\n", b"*1\r\n:4\r\n", b"*1\r\n*1\r\n$4\r\nPING\r\n",
    b"*1\r\n$\r\n", b"*1\r\n$abc\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$-2\r\n", b"*1\r\n$ 4\r\nPING\r\n", b"*1\r\n$+4\r\nPING\r\n",
    b"*1\r\n$04\r\nPING\r\n", b"*1\r\n$4 \r\nPING\r\n", b"*1\r\n$536870913\r\n", b"*1\r\n$2147483648\r\n",
    b"*1\r\n$9223372036854775808\r\n", b"*1\r\n$-9223372036854775808\r\n", b"*1\r\n$99999999999999999999999\r\n",
    b"*1\r\n$4\r\nPINGXX", b"*1\r\n$4\r\nPINGXX*1\r\n$4\r\nPING\r\n", b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
    b"*1\n$4\nPING\n", b"*1\r$4\r\nPING\r\n", b"*1\rX$4\rXPING\r\n",
    b"$4\r\nPING\r\n", b"+PING\r\n", b"-ERR\r\n", b":1\r\n", b"\xff\xfe\r\n", b"~1\r\n$4\r\nPING\r\n", b"\t PING \t\r\n",
    b'GET "unbalanced\r\n', b"GET 'unbalanced\r\n", b'GET "a"b\r\n', b"GET 'a'b\r\n", b'"\r\n', b"'\r\n", b'SET k "\\xZZ\\q"\r\nGET k\r\n',
    b'GET "a\\"\r\n', b"''\r\n", b'"" x\r\n', b'"PI" "NG"\r\n', b'PI"NG"\r\n', b" \r\nPING\r\n",
    b"PING\r\n*1\r\n$abc\r\nPING\r\n", encode("SET", "k", "v") * 3 + b"*1\r\n$-5\r\n" + encode("GET", "k"),
    b"POST / HTTP/1.1\r\nHost: example\r\n\r\n", b"GET / HTTP/1.1\r\nHost: example\r\n\r\n", b"post\r\n", b"host:\r\n", b"Host: \r\nPING\r\n",
    encode("POST", "/"), encode("Host:", "x"),
    b"*1\r\n$4\r\nQUIT\r\nPING\r\n", b"QUIT\r\n", encode("QUIT", "now"), b"quit now please\r\nPING\r\n",
    b"A" * 65535 + b"\r\n", b"A" * 65536 + b"\r\n", b"A" * 70000, b"PING " + b"A" * 70000 + b"\r\n", b"A" * 65530,
    b"*" + b"1" * 65536, b"*" + b"1" * 70000 + b"\r\n", b"*1\r\n$" + b"1" * 65536, b"*1\r\n$" + b"1" * 70000 + b"\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$", b"*", b"*1", b"*1\r", b"*1\r\n$4\r\nPIN",
]

UNAUTHENTICATED = [
    b"PING\r\n", encode("GET", "k"), encode("nonsense"), b"*11\r\n", b"*10\r\n", b"*1\r\n$16385\r\n", b"*1\r\n$16384\r\n",
    encode("AUTH", "wrong") + encode("PING"), encode("AUTH", "secret") + encode("PING"), encode("AUTH", "default", "secret") + encode("PING"),
    encode("AUTH", "nobody", "secret"), encode("AUTH"), encode("AUTH", "a", "b", "c"), encode("HELLO", "3"), encode("QUIT"),
    encode("RESET"), encode("HELLO", "2", "AUTH", "default", "wrong"), encode("COMMAND"), encode("AUTH", "secret") + b"*11\r\n$4\r\n",
]


def answers(port, data, quiet=0.15):
    """All that a server says to these bytes, and whether it closes."""
    with Client(port) as client:
        try:
            client.send(data)
        except OSError:
            pass  # closed while we were still sending: what it said before counts
        return client.everything(timeout=3, quiet=quiet)


def compare(ctx, requests, *options):
    ours, theirs = ctx.server(*options), ctx.oracle(*options)
    problems = []
    for data in requests:
        for server in (ours, theirs):
            with server.client() as client:
                client("AUTH", "secret") if "--requirepass" in options else None
                client("FLUSHALL")
        got, expected = answers(ours.port, data), answers(theirs.port, data)
        if got != expected:
            shown = data if len(data) < 100 else data[:40] + b"...%d bytes" % len(data)
            problems.append(f"{shown!r}:\n  expected {expected!r:.300}\n   but got {got!r:.300}")
    assert not problems, f"{len(problems)} of {len(requests)} differ:\n" + "\n".join(problems)


@timeout(120)
def test_malformed_requests_are_answered_as_redis_does(ctx):
    compare(ctx, MALFORMED)


@only("gyre")
def test_zero_bytes_where_none_may_be_are_refused(ctx):
    """Redis waits for ever for the end of such a line, or for 64 KiB of it; a clear error is better."""
    server = ctx.server()
    for data, error in ((b"*1\r\n\x00\r\n", b"-ERR Protocol error: expected '$', got a zero byte\r\n"),
                        (b"\x00\r\n", b"-ERR Protocol error: zero byte in inline request\r\n"),
                        (b"SET k a\x00b\r\nGET k\r\n", b"-ERR Protocol error: zero byte in inline request\r\n")):
        equal(answers(server.port, data), (error, True))


@timeout(60)
def test_unauthenticated_clients_are_limited_as_in_redis(ctx):
    compare(ctx, UNAUTHENTICATED, "--requirepass", "secret")


def expected_replies(ctx):
    """What each of REQUESTS is answered when sent whole; from the oracle."""
    server = ctx.oracle()
    for data in REQUESTS:
        with server.client() as client:
            client("FLUSHALL")
            client.send(data)
            yield client.everything(timeout=2, quiet=0.2)[0]


@timeout(120)
def test_requests_cut_at_every_byte(ctx):
    server = ctx.server()
    for data, expected in zip(REQUESTS, expected_replies(ctx)):
        for cut in range(1, len(data)):
            with server.client() as client:
                client("FLUSHALL")
                client.send(data[:cut])
                time.sleep(0.001)  # so that they are received apart
                client.send(data[cut:])
                got = receive(client, len(expected))
                equal(got, expected, f"{data!r} cut at {cut}")


@timeout(120)
def test_requests_one_byte_a_time(ctx):
    server = ctx.server()
    for data, expected in zip(REQUESTS, expected_replies(ctx)):
        with server.client() as client:
            client("FLUSHALL")
            for at in range(len(data)):
                client.send(data[at : at + 1])
                time.sleep(0.0005)
            equal(receive(client, len(expected)), expected, f"{data!r} one byte a time")


def receive(client, length):
    """Exactly so many bytes, or what came until the server fell silent for a while."""
    data = bytes(client.buffer)
    client.buffer.clear()
    client.socket.settimeout(3)
    try:
        while len(data) < length:
            more = client.socket.recv(65536)
            if not more:
                break
            data += more
    except socket.timeout:
        pass
    return data


@timeout(120)
def test_requests_cut_at_random_places(ctx):
    """Long pipelines of all sorts of requests, torn into random pieces, on several connections at once."""
    rng = random.Random(ctx.seed)
    server = ctx.server()
    clients = [server.client() for _ in range(8)]
    for _ in range(ctx.scaled(24)):
        plans = []
        for number, client in enumerate(clients):
            key = f"key{number}"
            values = [rng.randbytes(rng.choice((0, 1, 10, 100, 1000, 5000, 17000, 70000))) for _ in range(20)]
            data = b"".join(encode("SET", key, v) + encode("GET", key) + b"PING\r\n" for v in values)
            replies = b"".join(b"+OK\r\n$%d\r\n%s\r\n+PONG\r\n" % (len(v), v) for v in values)
            cuts = sorted(rng.randrange(len(data)) for _ in range(rng.choice((1, 10, 60))))
            pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]
            plans.append((client, pieces, replies))
        while any(pieces for _, pieces, _ in plans):
            client, pieces, _ = rng.choice([plan for plan in plans if plan[1]])
            client.send(pieces.pop(0))
        for client, _, replies in plans:
            equal(receive(client, len(replies)) == replies, True, "the replies to a torn pipeline")


def test_keys_and_values_of_every_byte(ctx):
    client = ctx.client()
    everything = bytes(range(256))
    for byte in range(256):
        key = bytes([byte])
        equal(client("SET", key, everything[byte:]), Simple("OK"))
    for byte in range(256):
        equal(client("GET", bytes([byte])), everything[byte:])
    equal(client("SET", everything, ""), Simple("OK"))
    equal(client("GET", everything), b"")
    equal(client("SET", "", "empty key"), Simple("OK"))
    equal(client("GET", ""), b"empty key")
    equal(sorted(client("KEYS", "*")), sorted([bytes([b]) for b in range(256)] + [everything, b""]))
    equal(client("DEL", *[bytes([b]) for b in range(256)], everything, ""), 258)


@timeout(120)
def test_pipeline_of_10000_commands(ctx):
    server = ctx.server()
    client = server.client()
    data = b"".join(encode("SET", f"key{i}", f"value{i}") + encode("GET", f"key{i}") for i in range(5000))
    client.send(data)
    for i in range(5000):
        equal(client.read(), Simple("OK"))
        equal(client.read(), f"value{i}".encode())
    equal(client("DBSIZE"), 5000)


@timeout(120)
def test_replies_wait_for_a_client_that_reads_late(ctx):
    """64 MB of replies are asked for before any is read; then all must come, in order."""
    server = ctx.server()
    client = server.client()
    value = bytes(range(256)) * 256
    client("SET", "value", value)
    client.send(b"".join(encode("GET", "value") + encode("ECHO", i) for i in range(1000)))
    time.sleep(0.3)
    equal(server.client()("PING"), Simple("PONG"), "another client meanwhile")
    for i in range(1000):
        equal(client.read() == value, True, f"value {i}")
        equal(client.read(), str(i).encode())


@timeout(60)
def test_client_that_never_reads_is_cut_off_at_its_limit(ctx):
    server = ctx.server("--client-output-buffer-limit", "normal", "8mb", "4mb", "10")
    other = server.client()
    other("SET", "value", "x" * 1000000)
    greedy = server.client(receive_buffer=65536)
    greedy("CLIENT", "SETNAME", "greedy")
    greedy.socket.setblocking(False)
    request = encode("GET", "value") * 100
    end = time.monotonic() + 20
    while b"name=greedy" in other("CLIENT", "LIST"):
        assert time.monotonic() < end, "it was not cut off"
        try:
            greedy.socket.send(request)
        except OSError:  # its requests may back up as well
            time.sleep(0.01)
    equal(other("PING"), Simple("PONG"))


def test_client_that_never_reads_leaves_others_alone(ctx):
    server = ctx.server()
    other = server.client()
    other("SET", "value", "x" * 100000)
    greedy = [server.client(receive_buffer=4096) for _ in range(20)]
    for client in greedy:
        client.send(encode("GET", "value") * 100)
    slowest = 0
    for i in range(200):
        began = time.monotonic()
        equal(other("SET", f"key{i}", i), Simple("OK"))
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2, f"a command took {slowest:.1f} s beside clients that do not read"
    for client in greedy:
        client.close()
    equal(other("PING"), Simple("PONG"))


def test_half_closed_connection_gets_its_replies(ctx):
    client = ctx.client()
    client.send(encode("SET", "k", "v") + encode("GET", "k"))
    client.socket.shutdown(socket.SHUT_WR)
    equal(client.everything(timeout=5), (b"+OK\r\n$1\r\nv\r\n", True))


def test_slow_sender_among_fast_ones(ctx):
    server = ctx.server()
    slowpoke, fast = server.client(), server.client()
    for byte in encode("SET", "slow", "value"):
        slowpoke.send(bytes([byte]))
        for i in range(20):
            equal(fast("INCR", "counter") > i, True)
    equal(slowpoke.read(), Simple("OK"))
    equal(fast("GET", "slow"), b"value")


@timeout(120)
def test_very_many_arguments(ctx):
    client = ctx.client()
    pairs = [word for i in range(50000) for word in (f"key{i}", f"value{i}")]
    equal(client("MSET", *pairs), Simple("OK"))
    equal(client("DBSIZE"), 50000)
    equal(client("MGET", *pairs[::2]), [word.encode() for word in pairs[1::2]])
    equal(client("EXISTS", *["key1"] * 1048575), 1048575, "as many arguments as Redis allows")
    equal(client("DEL", *pairs[::2]), 50000)
    equal(client("DBSIZE"), 0)


@timeout(60)
def test_query_buffer_limit(ctx):
    """A request that fits every other limit, but not the memory that a client may use for what it sends."""
    server = ctx.server("--client-query-buffer-limit", "2mb")
    client = server.client()
    equal(client("SET", "k", b"x" * 1000000), Simple("OK"))
    try:
        client.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$8000000\r\n")
        for _ in range(80):
            client.send(b"x" * 100000)
            time.sleep(0.001)
    except OSError:
        pass
    equal(client.closed(10), True, "the connection")
    equal(server.client()("PING"), Simple("PONG"))


@timeout(60)
def test_bulk_length_limit_can_be_set(ctx):
    server = ctx.server("--proto-max-bulk-len", "1mb")
    equal(server.client()("SET", "k", b"x" * 1000000), Simple("OK"))
    with server.client() as client:
        client.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048577\r\n")
        equal(client.everything(timeout=5), (b"-ERR Protocol error: invalid bulk length\r\n", True))
    client = server.client()
    equal(client("CONFIG", "SET", "proto-max-bulk-len", "2mb"), Simple("OK"))
    equal(client("SET", "k", b"x" * 1048577), Simple("OK"))


@slow
@timeout(300)
def test_value_of_512_megabytes(ctx):
    server = ctx.server()
    client = server.client(timeout=120)
    pattern = random.Random(1).randbytes(1 << 20)
    client.send(b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n" % (512 << 20))
    for _ in range(512):
        client.send(pattern)
    client.send(b"\r\n")
    equal(client.read(), Simple("OK"))
    equal(client("STRLEN", "big"), 512 << 20)
    equal(client("APPEND", "big", "x"), Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)"))
    equal(client("SETRANGE", "big", 512 << 20, "x"), Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)"))
    equal(client("GETRANGE", "big", (512 << 20) - 5, -1), pattern[-5:])
    client.send(encode("GET", "big"))
    client.socket.settimeout(120)
    head = b"$%d\r\n" % (512 << 20)
    got = bytearray()
    while len(got) < len(head):
        got += client.socket.recv(len(head) - len(got))
    equal(bytes(got), head)
    block, left = bytearray(1 << 20), 512
    while left:
        view = memoryview(block)
        while view:
            view = view[client.socket.recv_into(view) :]
        equal(block == pattern, True, f"megabyte {512 - left}")
        left -= 1
    equal(client.read_bytes(2), b"\r\n")
    equal(client("DEL", "big"), 1)
    with server.client() as refused:
        refused.send(b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n" % ((512 << 20) + 1))
        equal(refused.everything(timeout=5), (b"-ERR Protocol error: invalid bulk length\r\n", True))
