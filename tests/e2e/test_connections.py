"""Connections in great numbers: opened, dropped, idle, too many, timed out."""
import os
import resource
import socket
import subprocess
import time

from fixture import free_port
from harness import contains, equal, eventually, only, slow, timeout, variants
from resp import Client, Closed, Error, Simple, encode


def info(client, field, section="all"):
    """One field of INFO, as text; None when it is not there."""
    for line in client("INFO", section).decode().splitlines():
        if line.startswith(field + ":"):
            return line.split(":", 1)[1]
    return None


def open_files(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def raw_connections(server, count):
    """Plain sockets: thousands of Client objects would cost more than the server's side of them."""
    sockets = []
    for _ in range(count):
        sockets.append(socket.create_connection(("127.0.0.1", server.port)))
    return sockets


def need_files(ctx, count):
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        ctx.skip(f"only {soft} open files are allowed here, {count} are needed")


@timeout(180)
def test_10000_connections_opened_and_dropped(ctx):
    need_files(ctx, 11000)
    server = ctx.server("--maxclients", "10500")
    client = server.client()
    before = open_files(server)
    sockets = raw_connections(server, 10000)
    eventually(lambda: info(client, "connected_clients") == "10001", 30, "10,000 more clients")
    for number, one in enumerate(sockets):
        if number % 3 == 0:
            one.sendall(b"PING\r\n")
        if number % 3 == 1:
            one.sendall(b"*2\r\n$4\r\nECHO\r\n$100\r\nhalf a requ")
        if number % 5 == 0:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closing resets
        one.close()
    eventually(lambda: info(client, "connected_clients") == "1", 30, "all of them gone")
    eventually(lambda: open_files(server) <= before + 2, 10, "their files closed")
    equal(client("PING"), Simple("PONG"))


@timeout(120)
def test_connections_opened_and_dropped_at_once(ctx):
    """Closed before the server can have looked at them."""
    server = ctx.server()
    for _ in range(ctx.scaled(4000)):
        with socket.create_connection(("127.0.0.1", server.port)) as one:
            one.sendall(b"PING\r\n")
    client = server.client()
    eventually(lambda: info(client, "connected_clients") == "1", 20, "all of them gone")


@only("gyre")
@variants("release")
@timeout(120)
def test_idle_connections_are_cheap_and_spread_evenly(ctx):
    """10,000 idle connections: below 1 KiB of the server's own memory each, and no shard has more than its share."""
    need_files(ctx, 11000)
    server = ctx.server("--maxclients", "10500")
    client = server.client()
    sockets = raw_connections(server, 300)  # what is set up once for the first of them is not counted
    used, resident = int(info(client, "used_memory")), server.memory()
    sockets += raw_connections(server, 10000)
    eventually(lambda: info(client, "connected_clients") == "10301", 30, "10,300 more clients")
    each_used = (int(info(client, "used_memory")) - used) / 10000
    each_resident = (server.memory() - resident) / 10000
    counts = [int(field.split("connections=")[1].split(",")[0]) for field in shard_lines(client)]
    for one in sockets:
        one.close()
    assert each_used < 1024, f"{each_used:.0f} bytes of used_memory a connection"
    assert each_resident < 1024, f"{each_resident:.0f} resident bytes a connection"
    assert sum(counts) == 10301 and max(counts) - min(counts) <= 1, f"connections of the shards: {counts}"


def shard_lines(client):
    return [line for line in client("INFO", "shards").decode().splitlines() if line.startswith("shard") and "connections=" in line]


@only("gyre")
def test_connections_are_spread_evenly_at_any_count(ctx):
    server = ctx.server("--shards", "3")
    client = server.client()
    clients = []
    for _ in range(20):
        clients.append(server.client())
        clients[-1]("PING")
        counts = [int(line.split("connections=")[1].split(",")[0]) for line in shard_lines(client)]
        assert max(counts) - min(counts) <= 1, f"connections of the shards: {counts}"


@timeout(60)
def test_maxclients(ctx):
    server = ctx.server("--maxclients", "20")
    clients = [server.client()]
    eventually(lambda: info(clients[0], "connected_clients") == "1", 5, "the connection that waited for the start gone")
    clients += [server.client() for _ in range(19)]
    for client in clients:
        equal(client("PING"), Simple("PONG"))
    refused = server.client()
    equal(refused.read(), Error("ERR max number of clients reached"))
    equal(refused.closed(), True)
    equal(int(info(clients[0], "rejected_connections")), 1)
    clients.pop().close()
    eventually(lambda: info(clients[0], "connected_clients") == "19", 5, "room again")
    equal(server.client()("PING"), Simple("PONG"))
    equal(clients[0]("CONFIG", "SET", "maxclients", "30"), Simple("OK"))
    more = [server.client() for _ in range(8)]
    for client in more:
        equal(client("PING"), Simple("PONG"))


@timeout(60)
def test_idle_clients_time_out(ctx):
    server = ctx.server("--timeout", "1")
    idle, busy = server.client(), server.client()
    idle("PING")
    began = time.monotonic()
    while time.monotonic() < began + 2.5:
        equal(busy("PING"), Simple("PONG"))
        time.sleep(0.1)
    equal(idle.closed(3), True, "the idle connection")
    equal(busy("PING"), Simple("PONG"))
    equal(busy("CONFIG", "SET", "timeout", "0"), Simple("OK"))


def test_protected_mode(ctx):
    """Without a password and with no address to bind named, only this machine may talk: here it can only be shown that
    loopback may, and that the option is there."""
    server = ctx.server("--protected-mode", "yes")
    client = server.client()
    equal(client("PING"), Simple("PONG"))
    equal(client("CONFIG", "GET", "protected-mode"), [b"protected-mode", b"yes"])


def test_password(ctx):
    server = ctx.server("--requirepass", "secret")
    client = server.client()
    equal(client("GET", "k"), Error("NOAUTH Authentication required."))
    equal(client("AUTH", "wrong"), Error("WRONGPASS invalid username-password pair or user is disabled."))
    equal(client("AUTH", "secret"), Simple("OK"))
    equal(client("GET", "k"), None)
    equal(client("CONFIG", "SET", "requirepass", ""), Simple("OK"))
    equal(server.client()("GET", "k"), None)


def test_client_kill_by_another_and_by_itself(ctx):
    server = ctx.server()
    killer, victim = server.client(), server.client()
    number = victim("CLIENT", "ID")
    equal(killer("CLIENT", "KILL", "ID", number), 1)
    equal(victim.closed(), True, "the killed connection")
    own = killer("CLIENT", "ID")
    killer.send(encode("CLIENT", "KILL", "ID", own, "SKIPME", "no") + encode("PING"))
    equal(killer.everything(timeout=5), (b":1\r\n", True))


def test_client_pause_holds_writes_back(ctx):
    server = ctx.server()
    admin, writer, reader = server.client(), server.client(), server.client()
    equal(admin("CLIENT", "PAUSE", "60000", "WRITE"), Simple("OK"))
    writer.send_command("SET", "k", "v")
    equal(reader("GET", "k"), None)
    time.sleep(0.2)
    equal(reader("GET", "k"), None)
    equal(admin("CLIENT", "UNPAUSE"), Simple("OK"))
    equal(writer.read(), Simple("OK"))
    equal(admin("CLIENT", "PAUSE", "300"), Simple("OK"))
    began = time.monotonic()
    equal(reader("GET", "k"), b"v")
    assert 0.2 < time.monotonic() - began < 5, "a read during PAUSE ALL"


def test_client_reply_modes(ctx):
    client = ctx.client()
    client.send(encode("CLIENT", "REPLY", "SKIP") + encode("SET", "a", "1") + encode("GET", "a"))
    equal(client.read(), b"1")
    client.send(encode("CLIENT", "REPLY", "OFF") + encode("GET", "a") * 100 + encode("CLIENT", "REPLY", "ON") + encode("GET", "a"))
    equal(client.read(), Simple("OK"))
    equal(client.read(), b"1")


@slow
@timeout(120)
def test_reconnecting_storm(ctx):
    """Connections that come and go while others work."""
    server = ctx.server()
    worker = server.client()
    for i in range(200):
        crowd = [server.client() for _ in range(50)]
        for one in crowd:
            one.send(encode("INCR", "counter"))
        equal(worker("SET", f"key{i}", i), Simple("OK"))
        for number, one in enumerate(crowd):
            if number % 2:
                equal(one.read() > 0, True)
            one.close()
    eventually(lambda: info(worker, "connected_clients") == "1", 10, "all of them gone")


def test_connection_that_says_nothing_does_not_hold_shutdown_up(ctx):
    server = ctx.server()
    silent = [server.client() for _ in range(10)]
    half = server.client()
    half.send(b"*3\r\n$3\r\nSET\r\n")
    client = server.client()
    client.send_command("SHUTDOWN", "NOSAVE")
    try:
        client.read()
    except (Closed, ConnectionResetError):
        pass
    equal(server.wait(10), 0, "exit status")
    for one in [*silent, half]:
        equal(one.closed(), True)


def test_two_servers_cannot_share_a_port(ctx):
    server = ctx.server()
    second = None
    try:
        second = type(server)(server.kind, server.variant, (), parent=ctx.folder)
        equal(second.port != server.port, True)
        command = [str(server.port) if word == str(second.port) else word for word in second.command()]
    finally:
        if second:
            second.stop()
    done = subprocess.run(command, capture_output=True, timeout=30, check=False, cwd=ctx.folder)
    assert done.returncode != 0, "a second server started on the same port"
    assert b"in use" in done.stdout + done.stderr, done.stdout + done.stderr
    equal(Client(server.port)("PING"), Simple("PONG"))


@only("gyre")
def test_port_and_addresses_change_at_run_time(ctx):
    """New sockets are there before the old ones go; a refusal changes nothing; who is connected stays so."""
    server = ctx.server()
    client, port = server.client(), free_port()
    equal(client("CONFIG", "SET", "port", port), Simple("OK"))
    eventually(lambda: Client(port)("PING") == Simple("PONG"), 5, "an answer on the new port")
    eventually(lambda: refused(server.port), 5, "silence on the old port")
    equal(client("PING"), Simple("PONG"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        error = client("CONFIG", "SET", "port", taken.getsockname()[1])
        equal(error, Error("ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. "
                           "Check server logs."))
        equal(client("CONFIG", "GET", "port"), [b"port", b"%d" % port])
    equal(Client(port)("PING"), Simple("PONG"))
    equal(client("CONFIG", "SET", "bind", "192.0.2.1"),
          Error("ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses."))
    for addresses in ("127.0.0.1 127.0.0.2", "*", "127.0.0.2", "* -::*", "127.0.0.1"):
        equal(client("CONFIG", "SET", "bind", addresses), Simple("OK"), addresses)
        near = "127.0.0.2" if addresses == "127.0.0.2" else "127.0.0.1"
        eventually(lambda near=near: answers(port, near), 5, f"an answer on {near} of {addresses}")
    eventually(lambda: refused(port, "127.0.0.2"), 5, "silence on an address that was given up")
    equal(client("CONFIG", "SET", "port", "0"), Simple("OK"))
    eventually(lambda: refused(port), 5, "silence without a port")
    equal(client("CONFIG", "SET", "port", server.port, "bind", "127.0.0.1"), Simple("OK"))
    eventually(lambda: not refused(server.port), 5, "an answer on the first port again")


def answers(port, host):
    """Who comes in at the very instant of the change may be reset."""
    try:
        return Client(port, host)("PING") == Simple("PONG")
    except ConnectionError:
        return False


def refused(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


@only("gyre")
@timeout(60)
def test_no_descriptors_left(ctx):
    """New clients wait, old ones are served, the log has a line and not thousands, and nothing spins."""
    server = ctx.server()
    client = server.client()
    kept = [server.client() for _ in range(10)]
    for one in kept:
        equal(one("PING"), Simple("PONG"))
    highest = max(int(fd) for fd in os.listdir(f"/proc/{server.pid}/fd"))
    limits = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (highest + 3, limits[1]))
    port = free_port()  # an accept keeps the limit that was in force when it began
    equal(client("CONFIG", "SET", "port", port), Simple("OK"))
    eventually(lambda: not refused(port), 5, "an answer on the new port")
    waiting = [Client(port) for _ in range(40)]
    for late in waiting:
        late.send_command("PING")
    before = server.cpu_seconds()
    time.sleep(1)
    assert server.cpu_seconds() - before < 0.5
    equal(client("PING"), Simple("PONG"))
    equal(server.log_text().count("Accepting client connection: "), 1, server.log_text())
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
    for late in waiting:
        equal(late.read(), Simple("PONG"))
    equal(len(kept), 10)


@only("gyre")
def test_a_backlog_beyond_the_kernels_is_told(ctx):
    with open("/proc/sys/net/core/somaxconn", encoding="ascii") as file:
        limit = int(file.read())
    server = ctx.server("--tcp-backlog", str(limit + 1))
    contains(server.log_text(), f"The TCP backlog setting of {limit + 1} cannot be enforced")
