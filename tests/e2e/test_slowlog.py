"""SLOWLOG: what is logged, how it is cut and kept, what it must not show."""
import time

from harness import equal, eventually, only
from resp import Error, Simple


def logging(ctx, *options):
    """A client of a server that logs every command. The server looks at the option only every now and then."""
    client = ctx.server("--slowlog-log-slower-than", "0", *options).client()
    eventually(lambda: client("SLOWLOG", "LEN") > 0, what="the logging")
    client("SLOWLOG", "RESET")
    return client


def logged(client, count=-1):
    """The arguments of the logged commands, oldest first, without the one that reset the log."""
    entries = client("SLOWLOG", "GET", count)
    return [entry[3] for entry in reversed(entries) if entry[3][:2] not in ([b"SLOWLOG", b"RESET"], [b"SLOWLOG", b"GET"])]


def test_an_entry(ctx):
    client = logging(ctx)
    client("CLIENT", "SETNAME", "somebody")
    before = int(time.time())
    client("DEBUG", "SLEEP", "0.03")
    entry = client("SLOWLOG", "GET", "1")[0]
    equal(len(entry), 6)
    assert before <= entry[1] <= int(time.time()) + 1, entry
    assert 30000 <= entry[2] < 500000, entry
    equal(entry[3], [b"DEBUG", b"SLEEP", b"0.03"])
    host, _, port = client.socket.getsockname()[0], None, client.socket.getsockname()[1]
    equal((entry[4], entry[5]), (f"{host}:{port}".encode(), b"somebody"))


def test_order_numbers_and_reset(ctx):
    client = logging(ctx)
    for i in range(30):
        client("ECHO", str(i))
    entries = client("SLOWLOG", "GET")
    equal([entry[3][1] for entry in entries], [str(i).encode() for i in range(29, 19, -1)])
    ids = [entry[0] for entry in client("SLOWLOG", "GET", "-1")]
    equal(ids, list(range(ids[0], ids[0] - len(ids), -1)))
    equal(client("SLOWLOG", "RESET"), Simple("OK"))
    entries = client("SLOWLOG", "GET", "-1")
    equal([entry[3] for entry in entries], [[b"SLOWLOG", b"RESET"]])
    assert entries[0][0] > ids[0], "numbers go on after a reset"


def test_length_is_bounded(ctx):
    client = logging(ctx, "--slowlog-max-len", "100")
    client.pipeline([["ECHO", str(i)] for i in range(500)])
    equal(client("SLOWLOG", "LEN"), 100)
    entries = client("SLOWLOG", "GET", "-1")
    equal((len(entries), entries[0][3], entries[-1][3]), (100, [b"SLOWLOG", b"LEN"], [b"ECHO", b"401"]))
    client("CONFIG", "SET", "slowlog-max-len", "3")
    equal(client("SLOWLOG", "LEN"), 3)
    client("CONFIG", "SET", "slowlog-max-len", "0")
    client("PING")
    equal(client("SLOWLOG", "GET"), [])


def test_long_commands_are_cut(ctx):
    client = logging(ctx)
    client("MGET", *[f"k{i}" for i in range(31)])
    client("MGET", *[f"k{i}" for i in range(32)])
    client("MGET", *[f"k{i}" for i in range(1000)])
    client("ECHO", "x" * 128)
    client("ECHO", "x" * 129)
    client("ECHO", b"\x00\r\n" * 100)
    client("SET", "large", "y" * 1000000)
    keys = [f"k{i}".encode() for i in range(31)]
    equal(logged(client), [
        [b"MGET"] + keys,
        [b"MGET"] + keys[:30] + [b"... (2 more arguments)"],
        [b"MGET"] + keys[:30] + [b"... (970 more arguments)"],
        [b"ECHO", b"x" * 128],
        [b"ECHO", b"x" * 128 + b"... (1 more bytes)"],
        [b"ECHO", (b"\x00\r\n" * 100)[:128] + b"... (172 more bytes)"],
        [b"SET", b"large", b"y" * 128 + b"... (999872 more bytes)"],
    ])


def test_secrets_are_not_shown(ctx):
    client = logging(ctx)
    client("AUTH", "secret")
    client("AUTH", "default", "secret")
    client("HELLO", "2", "AUTH", "default", "secret", "SETNAME", "me")
    client("HELLO", "2", "SETNAME", "AUTH", "AUTH", "default", "secret")
    client("CONFIG", "SET", "masterauth", "secret")
    client("CONFIG", "SET", "hz", "10", "requirepass", "secret", "maxclients", "1000")
    hidden = b"(redacted)"
    equal(logged(client), [
        [b"AUTH", hidden],
        [b"AUTH", hidden, hidden],
        [b"HELLO", b"2", b"AUTH", hidden, hidden, b"SETNAME", b"me"],
        [b"HELLO", b"2", b"SETNAME", b"AUTH", b"AUTH", hidden, hidden],
        [b"CONFIG", b"SET", b"masterauth", hidden],
        [b"CONFIG", b"SET", b"hz", b"10", b"requirepass", hidden, b"maxclients", b"1000"],
    ])


def test_commands_that_did_not_run_are_not_logged(ctx):
    client = logging(ctx)
    equal(type(client("NONSENSE", "x")), Error)
    equal(type(client("GET")), Error)
    equal(type(client("CONFIG", "NONSENSE")), Error)
    client("INCR", "key")
    equal(logged(client), [[b"INCR", b"key"]])


def test_threshold(ctx):
    client = ctx.server("--slowlog-log-slower-than", "20000").client()
    client("DEBUG", "SLEEP", "0.04")
    client("PING")
    client("DEBUG", "SLEEP", "0.001")
    equal([entry[3][2] for entry in client("SLOWLOG", "GET")], [b"0.04"])
    client("CONFIG", "SET", "slowlog-log-slower-than", "-1")
    time.sleep(0.3)
    client("DEBUG", "SLEEP", "0.04")
    equal(client("SLOWLOG", "LEN"), 1)


@only("gyre")
def test_one_log_for_all_shards_while_it_is_read(ctx):
    """Readers, a reset and writers of several shards at once: the log stays whole and bounded."""
    server = ctx.server("--slowlog-log-slower-than", "0", "--slowlog-max-len", "200", "--shards", "4")
    clients = [server.client() for _ in range(8)]
    eventually(lambda: all(client("SLOWLOG", "LEN") for client in clients), what="the logging")
    for turn in range(ctx.scaled(60)):
        for number, client in enumerate(clients[:6]):
            client.send_command("MGET", *[f"{number}:{i}" for i in range(20)])
            client.send_command("ECHO", "x" * 1000)
        for reader in clients[6:]:
            reader.send_command("SLOWLOG", "GET", "-1")
        if turn % 10 == 9:
            clients[7].send_command("SLOWLOG", "RESET")
        for reader in clients[6:]:
            entries = reader.read()
            assert len(entries) <= 200, len(entries)
            ids = [entry[0] for entry in entries]
            equal(ids, sorted(set(ids), reverse=True), "numbers, newest first")
            for entry in entries:
                if entry[3][0] == b"MGET":
                    equal(len(entry[3]), 21)
        if turn % 10 == 9:
            equal(clients[7].read(), Simple("OK"))
        for client in clients[:6]:
            client.read(), client.read()
