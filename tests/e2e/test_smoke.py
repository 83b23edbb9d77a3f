"""The least that has to work: a server starts, answers, and ends as asked."""
from harness import equal
from resp import Simple


def test_ping(ctx):
    client = ctx.client()
    equal(client("PING"), Simple("PONG"))
    equal(client("SET", "key", "value"), Simple("OK"))
    equal(client("GET", "key"), b"value")


def test_unix_socket(ctx):
    server = ctx.server("--unixsocket", "sock", "--unixsocketperm", "700")
    client = server.client(path=f"{server.folder}/sock")
    equal(client("ECHO", "over a unix socket"), b"over a unix socket")


def test_ipv6(ctx):
    server = ctx.server("--bind", "127.0.0.1", "::1")
    equal(server.client(host="::1")("PING"), Simple("PONG"))
    equal(server.client()("PING"), Simple("PONG"))


def test_sigterm_ends_with_status_0(ctx):
    server = ctx.server()
    clients = [server.client() for _ in range(20)]
    clients[0]("SET", "key", "value")
    server.stop()
    for client in clients:
        equal(client.closed(), True, "a client's connection")


def test_starts_again_in_the_same_folder(ctx):
    server = ctx.server()
    server.stop()
    server.start()
    equal(server.client()("PING"), Simple("PONG"))
