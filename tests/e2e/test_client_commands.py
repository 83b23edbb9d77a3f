"""What a connection says about itself, and what it does to others: CLIENT, HELLO, AUTH, RESET, over several shards."""
import random
import threading
import time

from clients import OK, PONG, alone, connect, gone, lines
from harness import contains, equal, eventually, only, timeout
from resp import Closed, Error, Map, Simple, encode

# ---- LIST and INFO ----

FIELDS = ("id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem multi-mem rbs rbp obl oll omem "
          "tot-mem events cmd user redir resp").split()


def test_fields_of_list(ctx):
    server = ctx.server()
    client, other = server.client(), server.client()
    client("SELECT", 3)
    client("CLIENT", "SETNAME", "me")
    client("HELLO", 3)
    me = lines(client, "ID", client("CLIENT", "ID"))[0]
    expected = FIELDS + ([] if ctx.target == "redis" else ["lib-name", "lib-ver"])
    equal(list(me), expected, "names and order of the fields")
    equal(me["id"], str(client("CLIENT", "ID")))
    equal(me["addr"], "127.0.0.1:%d" % client.socket.getsockname()[1])
    equal(me["laddr"], "127.0.0.1:%d" % server.port)
    equal([me[name] for name in "name flags db sub psub ssub multi cmd user redir resp".split()],
          ["me", "N", "3", "0", "0", "0", "-1", "client|list", "default", "-1", "3"])
    equal(dict(field.split("=", 1) for field in client("CLIENT", "INFO")[4:].decode().split())["name"], "me")
    fresh = lines(client, "ID", other("CLIENT", "ID"))[0]
    equal((fresh["resp"], fresh["db"], fresh["name"], fresh["cmd"]), ("2", "0", "", "client|id"))
    assert client("CLIENT", "INFO").endswith(b"\n")


def test_bytes_that_wait_are_listed(ctx):
    """What a client has sent of a command, and what it has not read yet."""
    server = ctx.server()
    client, asker = server.client(), server.client()
    one = client("CLIENT", "ID")
    client.send(b"*2\r\n$4\r\nECHO\r\n$3000\r\n" + b"x" * 1500)
    eventually(lambda: int(lines(asker, "ID", one)[0]["qbuf"]) >= 1500, what="half a command in qbuf")
    client.send(b"x" * 1500 + b"\r\n")
    equal(len(client.read()), 3000)
    eventually(lambda: lines(asker, "ID", one)[0]["qbuf"] == "0", what="an empty qbuf")
    asker("SET", "big", "x" * 3000000)
    client.send(encode("GET", "big") * 4)
    eventually(lambda: int(lines(asker, "ID", one)[0]["omem"]) > 1000000, what="output in omem")
    equal(lines(asker, "ID", one)[0]["events"], "rw")
    for _ in range(4):
        equal(len(client.read()), 3000000)
    eventually(lambda: lines(asker, "ID", one)[0]["omem"] == "0", what="no output in omem")
    asker("CLIENT", "PAUSE", 100000, "WRITE")
    client.send(encode("SET", "k", "v" * 500) + encode("ECHO", "y" * 500))
    eventually(lambda: lines(asker, "ID", one)[0]["flags"] == "b", what="the wait")
    asker("CLIENT", "UNPAUSE")
    equal([client.read(), client.read()], [OK, b"y" * 500])
    eventually(lambda: lines(asker, "ID", one)[0]["qbuf"] == "0", what="an empty qbuf after a wait")


def test_list_of_many_clients(ctx):
    server = ctx.server()
    asker, clients = alone(server), connect(server, 300)
    ids = [client("CLIENT", "ID") for client in clients]
    equal(len(set(ids)), 300, "different ids")
    for number, client in enumerate(clients):
        equal(client("CLIENT", "SETNAME", f"c{number}"), OK)
    all_of_them = lines(asker)
    listed = [int(line["id"]) for line in all_of_them]
    equal(listed, sorted(listed), "by age")
    names = {line["id"]: line["name"] for line in all_of_them}
    for number, one in enumerate(ids):
        equal(names[str(one)], f"c{number}")
    equal(len([line for line in all_of_them if line["name"]]), 300)
    equal([line["id"] for line in lines(asker, "TYPE", "normal")], [str(i) for i in listed])
    wanted = [ids[250], ids[3], 999999, ids[3], ids[100]]
    equal([int(line["id"]) for line in lines(asker, "ID", *wanted)], [ids[250], ids[3], ids[3], ids[100]])
    many = random.Random(ctx.seed).sample(ids, 200)
    equal([int(line["id"]) for line in lines(asker, "ID", *many)], many)


@timeout(120)
def test_list_and_kill_while_clients_come_and_go(ctx):
    """Walks of several threads through lists that change under them."""
    server = ctx.server()
    stays = connect(server, 20)
    staying = {client("CLIENT", "ID") for client in stays}
    stop, problems = threading.Event(), []

    def guard(function):
        def run():
            try:
                while not stop.is_set():
                    function()
            except Exception as error:  # pylint: disable=broad-except
                problems.append(f"{function.__name__}: {type(error).__name__} {error}")
        return threading.Thread(target=run)

    def come_and_go():
        some = connect(server, 10)
        for client in some:
            client("CLIENT", "SETNAME", "x" * random.randrange(1, 100))
        for client in some:
            client.close()

    def list_them():
        with server.client() as client:
            seen = [int(line["id"]) for line in lines(client)]
            assert staying <= set(seen), "somebody was overlooked"
            assert len(set(seen)) == len(seen), "somebody was seen twice"

    def kill_one():
        with server.client() as victim, server.client() as killer:
            one = victim("CLIENT", "ID")
            equal(killer("CLIENT", "KILL", "ID", one), 1)
            equal(killer("CLIENT", "KILL", "ID", one), 0, "killed once")
            assert one not in [int(line["id"]) for line in lines(killer)], "listed though killed"
            assert gone(victim)

    threads = [guard(f) for f in (come_and_go, come_and_go, list_them, list_them, kill_one, kill_one)]
    for thread in threads:
        thread.start()
    time.sleep(1 if ctx.quick else 3)
    stop.set()
    for thread in threads:
        thread.join()
    equal(problems, [])
    for client in stays:
        equal(client("PING"), PONG)


# ---- KILL ----

def test_kill_across_shards(ctx):
    server = ctx.server()
    killer, victims = alone(server), connect(server, 16)
    for number, victim in enumerate(victims):
        one = victim("CLIENT", "ID")
        addr = "127.0.0.1:%d" % victim.socket.getsockname()[1]
        if number % 3 == 0:
            equal(killer("CLIENT", "KILL", "ID", one), 1)
        elif number % 3 == 1:
            equal(killer("CLIENT", "KILL", addr), OK)
            equal(killer("CLIENT", "KILL", addr), Error("ERR No such client"))
        else:
            equal(killer("CLIENT", "KILL", "ADDR", addr, "ID", one, "TYPE", "normal", "USER", "default"), 1)
        assert victim.closed()
    equal([line["id"] for line in lines(killer)], [str(killer("CLIENT", "ID"))])


def test_kill_by_local_address_and_type_spares_oneself(ctx):
    server = ctx.server()
    killer, victims = alone(server), connect(server, 30)
    equal(killer("CLIENT", "KILL", "LADDR", "127.0.0.1:1"), 0)
    equal(killer("CLIENT", "KILL", "TYPE", "replica"), 0)
    equal(killer("CLIENT", "KILL", "LADDR", f"127.0.0.1:{server.port}"), 30)
    assert all(victim.closed() for victim in victims)
    victims = connect(server, 30)
    equal(killer("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"), 30)
    assert all(victim.closed() for victim in victims)
    equal(killer("PING"), PONG)


def test_kill_oneself_answers_first(ctx):
    server = ctx.server()
    client, other = alone(server), connect(server, 1)[0]
    client.send(encode("CLIENT", "KILL", "SKIPME", "no", "USER", "default") + encode("SET", "k", "v"))
    equal(client.read(), 2)
    assert client.closed() and other.closed()
    client = server.client()
    equal(client("GET", "k"), None, "what stood behind the CLIENT KILL")
    equal(client("CLIENT", "KILL", "127.0.0.1:%d" % client.socket.getsockname()[1]), OK)
    assert client.closed()


def test_killed_client_runs_nothing_more(ctx):
    """A client with a long pipeline is killed in the middle of it."""
    server = ctx.server()
    killer = server.client()
    for _ in range(ctx.scaled(16)):
        killer("SET", "n", 0)
        victim = server.client()
        one = victim("CLIENT", "ID")
        pipeline = encode("INCR", "n") * 20000
        sender = threading.Thread(target=send_quietly, args=(victim, pipeline * 10))
        sender.start()
        eventually(lambda: int(killer("GET", "n")) > 100, what="commands of the victim")
        equal(killer("CLIENT", "KILL", "ID", one), 1)
        time.sleep(0.02)  # replies that were under way
        count = killer("GET", "n")
        assert gone(victim)
        sender.join()
        time.sleep(0.05)
        equal(killer("GET", "n"), count)


def send_quietly(client, data):
    try:
        client.send(data)
    except OSError:
        pass


def test_kill_of_clients_that_wait(ctx):
    """One held back by a pause, one that does not read, one in the middle of a command."""
    server = ctx.server()
    killer = server.client()
    killer("SET", "big", "x" * 1000000)
    paused, deaf, halfway = connect(server, 3)
    ids = [client("CLIENT", "ID") for client in (paused, deaf, halfway)]
    deaf.send(encode("GET", "big") * 50)
    halfway.send(b"*2\r\n$3\r\nGET\r\n$100\r\nabc")
    equal(killer("CLIENT", "PAUSE", 100000, "WRITE"), OK)
    paused.send_command("SET", "k", "v")
    eventually(lambda: lines(killer, "ID", ids[0])[0]["flags"] == "b", what="the flag of a client that waits")
    for one in ids:
        equal(killer("CLIENT", "KILL", "ID", one), 1)
    equal(killer("CLIENT", "UNPAUSE"), OK)
    assert paused.closed() and gone(deaf) and halfway.closed()
    equal(killer("GET", "k"), None, "the command that was held back")


# ---- PAUSE ----

def answered_within(client, seconds):
    client.socket.settimeout(seconds)
    try:
        return client.read()
    except TimeoutError:
        return None
    finally:
        client.socket.settimeout(20)


def test_pause_of_writes(ctx):
    server = ctx.server()
    admin, reader, writers = server.client(), server.client(), connect(server, 8)
    reader("SET", "k", "old")
    equal(admin("CLIENT", "PAUSE", 100000, "WRITE"), OK)
    for number, writer in enumerate(writers):
        writer.send(encode("GET", "k") + encode("SET", f"k{number}", number) + encode("GET", f"k{number}"))
        equal(writer.read(), b"old")
    reader.send(encode("FLUSHALL"))
    for writer in writers:
        equal(answered_within(writer, 0.05), None)
    equal(answered_within(reader, 0.05), None, "FLUSHALL")
    for command in (["GET", "k"], ["PING"], ["DBSIZE"], ["TTL", "k"], ["CLIENT", "GETNAME"], ["SELECT", 0], ["SET", "k"]):
        admin(*command)  # answered: it would raise otherwise
    equal(admin("GET", "k0"), None)
    equal([line["flags"] for line in lines(admin)].count("b"), 9)
    began = time.monotonic()
    equal(admin("CLIENT", "UNPAUSE"), OK)
    for number, writer in enumerate(writers):
        equal(writer.read(), OK)
        writer.read()
    equal(reader.read(), OK)
    assert time.monotonic() - began < (5 if ctx.sanitized else 1), "UNPAUSE wakes at once"
    equal([line["flags"] for line in lines(admin)].count("b"), 0)


def test_pause_of_all(ctx):
    server = ctx.server()
    admin, clients = server.client(), connect(server, 8)
    began = time.monotonic()
    equal(admin("CLIENT", "PAUSE", 700, "ALL"), OK)
    for client in clients:
        client.send(encode("PING") + encode("nonsense") + encode("ECHO", "x"))
    clients[0].send(encode("CLIENT", "UNPAUSE"))
    admin.send(encode("CLIENT", "UNPAUSE"))
    fresh = server.client()
    fresh.send(encode("GET", "k"))
    for client in (*clients, admin, fresh):
        equal(client.read(), None if client is fresh else OK if client is admin else PONG)
    took = time.monotonic() - began
    assert 0.69 < took < (8 if ctx.sanitized else 2), f"paused for {took} s"
    for client in clients:
        assert client.read().startswith("ERR unknown command 'nonsense'")
        equal(client.read(), b"x")
    equal(clients[0].read(), OK)


def test_errors_are_not_paused(ctx):
    server = ctx.server()
    admin, client = server.client(), server.client()
    admin("CLIENT", "PAUSE", 600)
    began = time.monotonic()
    equal(client("GET"), Error("ERR wrong number of arguments for 'get' command"))
    equal(client("CLIENT", "NONSENSE"), Error("ERR unknown subcommand 'NONSENSE'. Try CLIENT HELP."))
    assert client("nonsense").startswith("ERR unknown command")
    assert time.monotonic() - began < 0.5
    equal(client("PING"), PONG)
    assert time.monotonic() - began > 0.5


def test_pause_only_grows(ctx):
    server = ctx.server()
    admin, client = server.client(), server.client()
    began = time.monotonic()
    equal(admin("CLIENT", "PAUSE", 800, "WRITE"), OK)
    equal(admin("CLIENT", "PAUSE", 100, "WRITE"), OK)
    equal(client("SET", "k", "v"), OK)
    assert 0.79 < time.monotonic() - began < 5
    began = time.monotonic()
    equal(admin("CLIENT", "PAUSE", 700, "WRITE"), OK)
    equal(admin("CLIENT", "PAUSE", 1, "ALL"), OK)
    equal(client("PING"), PONG)
    assert 0.69 < time.monotonic() - began < 5, "all for as long as the writes"
    began = time.monotonic()
    equal(client("SET", "k", "v"), OK)
    assert time.monotonic() - began < 0.5, "and then it is over"


def test_order_in_a_pipeline_survives_a_pause(ctx):
    server = ctx.server()
    admin, client = server.client(), server.client()
    for mode in ("WRITE", "ALL"):
        equal(admin("CLIENT", "PAUSE", 300, mode), OK)
        commands = [("INCR", f"{mode}{i % 5}") if i % 3 else ("GET", f"{mode}{i % 5}") for i in range(600)]
        counts, expected = {}, []
        for name, key in commands:
            if name == "INCR":
                counts[key] = counts.get(key, 0) + 1
                expected.append(counts[key])
            else:
                expected.append(str(counts[key]).encode() if key in counts else None)
        equal(client.pipeline(commands), expected)


def test_paused_client_hangs_up(ctx):
    server = ctx.server()
    admin, client = server.client(), server.client()
    admin("CLIENT", "PAUSE", 100000, "WRITE")
    client.send_command("SET", "k", "v")
    eventually(lambda: "b" in [line["flags"] for line in lines(admin)], what="the client's wait")
    client.close()
    eventually(lambda: len(lines(admin)) == 1, what="its end")
    admin("CLIENT", "UNPAUSE")
    equal(admin("GET", "k"), None)


# ---- REPLY ----

def test_reply_modes(ctx):
    """Each script's commands, and all that is answered."""
    scripts = (
        ("CLIENT REPLY OFF|SET a 1|GET a|NONSENSE|GET|CLIENT REPLY ON|GET a", b"+OK\r\n$1\r\n1\r\n"),
        ("CLIENT REPLY SKIP|SET a 2|GET a", b"$1\r\n2\r\n"),
        ("CLIENT REPLY SKIP|CLIENT REPLY SKIP|PING|PING", b"+PONG\r\n"),
        ("CLIENT REPLY SKIP|CLIENT REPLY ON|PING", b"+OK\r\n+PONG\r\n"),
        ("CLIENT REPLY SKIP|CLIENT REPLY FOO|PING", b"+PONG\r\n"),
        ("CLIENT REPLY SKIP|NONSENSE|PING", b"+PONG\r\n"),
        ("CLIENT REPLY SKIP|GET|PING", b"+PONG\r\n"),
        ("CLIENT REPLY SKIP|RESET|PING", b"+PONG\r\n"),
        ("CLIENT REPLY OFF|CLIENT REPLY SKIP|PING|CLIENT REPLY ON|PING", b"+OK\r\n+PONG\r\n"),
        ("CLIENT REPLY OFF|PING|RESET|PING", b"+RESET\r\n+PONG\r\n"),
        ("CLIENT REPLY OFF|MGET a b|CLIENT REPLY FOO|KEYS *|SCAN 0|CLIENT LIST|CLIENT REPLY ON", b"+OK\r\n"),
        ("CLIENT REPLY ON|PING|CLIENT REPLY FOO", b"+OK\r\n+PONG\r\n-ERR syntax error\r\n"),
    )
    server = ctx.server()
    for script, expected in scripts:
        commands = [command.split() for command in script.split("|")]
        for at_once in (True, False):
            client = server.client()
            if at_once:
                client.send(b"".join(encode(*command) for command in commands))
            else:
                for command in commands:
                    client.send_command(*command)
                    time.sleep(0.002)
            client.send_command("ECHO", "end")
            equal(client.read_bytes(len(expected)), expected, script)
            equal(client.read(), b"end", script)


# ---- HELLO, AUTH, RESET ----

def test_hello(ctx):
    client = ctx.client()
    reply = client("HELLO", 3)
    assert isinstance(reply, Map)
    equal([name for name, _ in reply], [b"server", b"version", b"proto", b"id", b"mode", b"role", b"modules"])
    equal([reply.get(name) for name in (b"server", b"proto", b"mode", b"role", b"modules")],
          [b"redis", 3, b"standalone", b"master", []])
    equal(reply.get(b"version"), b"7.0.15" if ctx.target == "redis" else b"7.2.0")
    equal(client.pipeline([("GET", "none"), ("HELLO", 2), ("GET", "none")])[0::2], [None, None])
    client.send(encode("HELLO", 3) + encode("GET", "none") + encode("HELLO", 2) + encode("GET", "none"))
    client.read()
    equal(client.raw(), b"_\r\n")
    client.read()
    equal(client.raw(), b"$-1\r\n")


NOAUTH = Error("NOAUTH Authentication required.")
WRONGPASS = Error("WRONGPASS invalid username-password pair or user is disabled.")


def test_password(ctx):
    server = ctx.server("--requirepass", "secret")
    client = server.client()
    for command in (["PING"], ["GET", "k"], ["CLIENT", "LIST"], ["MONITOR"], ["CLIENT", "PAUSE", 1], ["FLUSHALL"]):
        equal(client(*command), NOAUTH)
    assert client("HELLO", 3).startswith("NOAUTH HELLO must be called with the client already authenticated")
    for wrong in ("", "s", "secre", "Secret", "secrets", "secretsecret", "x" * 10000, b"secret\x00"):
        equal(client("AUTH", wrong), WRONGPASS, repr(wrong)[:30])
        equal(client("AUTH", "default", wrong), WRONGPASS)
        equal(client("HELLO", 2, "AUTH", "default", wrong), WRONGPASS)
    equal(client("AUTH", "nobody", "secret"), WRONGPASS)
    equal(client("PING"), NOAUTH)
    equal(client("AUTH", "secret"), OK)
    equal(client("PING"), PONG)
    equal(client("AUTH", "wrong"), WRONGPASS)
    equal(client("PING"), PONG, "still in")
    equal(client("RESET"), Simple("RESET"))
    equal(client("PING"), NOAUTH, "RESET logs out")
    equal(client("HELLO", 3, "AUTH", "default", "secret", "SETNAME", "me").get(b"proto"), 3)
    equal(client("CLIENT", "GETNAME"), b"me")
    outside = server.client()
    equal(outside("QUIT"), OK)
    assert outside.closed()


def test_password_that_comes_and_goes(ctx):
    server = ctx.server()
    inside = server.client()
    inside("PING")
    equal(inside("CONFIG", "SET", "requirepass", "secret"), OK)
    equal(inside("PING"), PONG, "who was in stays in")
    outside = server.client()
    equal(outside("PING"), NOAUTH)
    equal(inside("CONFIG", "SET", "requirepass", ""), OK)
    equal(outside("PING"), PONG)
    equal(outside("AUTH", "secret"), Error(
        "ERR AUTH <password> called without any password configured for the default user. "
        "Are you sure your configuration is correct?"))


def test_reset(ctx):
    server = ctx.server()
    client, other = server.client(), server.client()
    client("HELLO", 3, "SETNAME", "me")
    client("SELECT", 5)
    client("CLIENT", "REPLY", "ON")
    equal(client("MONITOR"), OK)
    equal(client("RESET"), Simple("RESET"))
    other("PING")
    me = lines(client, "ID", client("CLIENT", "ID"))[0]
    equal((me["name"], me["db"], me["resp"], me["flags"]), ("", "0", "2", "N"))


# ---- what 7.2 added ----

@only("gyre")
def test_setinfo(ctx):
    client = ctx.client()
    equal(client("CLIENT", "SETINFO", "LIB-NAME", "mylib"), OK)
    equal(client("CLIENT", "SETINFO", "lib-ver", "1.2.3"), OK)
    contains(client("CLIENT", "INFO").decode(), " lib-name=mylib lib-ver=1.2.3\n")
    equal(client("CLIENT", "SETINFO", "Lib-Ver", "a b"),
          Error("ERR Lib-Ver cannot contain spaces, newlines or special characters."))
    equal(client("CLIENT", "SETINFO", "lib-foo", "x"), Error("ERR Unrecognized option 'lib-foo'"))
    equal(client("CLIENT", "SETINFO", "lib-name"), Error("ERR wrong number of arguments for 'client|setinfo' command"))
    client("RESET")
    contains(client("CLIENT", "LIST").decode(), " lib-name=mylib lib-ver=1.2.3\n")
    equal(client("CLIENT", "SETINFO", "lib-name", ""), OK)
    contains(client("CLIENT", "INFO").decode(), " lib-name= lib-ver=1.2.3\n")


@only("gyre")
def test_no_touch(ctx):
    client = ctx.client()
    client("SET", "k", "v")
    time.sleep(2.1)
    equal(client("CLIENT", "NO-TOUCH", "on"), OK)
    contains(client("CLIENT", "INFO").decode(), " flags=T ")
    client("GET", "k")
    assert client("OBJECT", "IDLETIME", "k") >= 2
    equal(client("CLIENT", "NO-TOUCH", "OFF"), OK)
    client("GET", "k")
    assert client("OBJECT", "IDLETIME", "k") <= 1
    equal(client("CLIENT", "NO-TOUCH", "maybe"), Error("ERR syntax error"))


@only("gyre")
def test_names_are_bounded(ctx):
    client = ctx.client()
    equal(client("CLIENT", "SETNAME", "n" * 4096), OK)
    equal(client("CLIENT", "SETNAME", "n" * 4097), Error("ERR Client names cannot be longer than 4096 bytes."))
    equal(client("CLIENT", "GETNAME"), b"n" * 4096)
    contains(client("CLIENT", "LIST").decode(), "n" * 4096)


@only("gyre")
def test_pause_beyond_the_end_of_time(ctx):
    client = ctx.client()
    equal(client("CLIENT", "PAUSE", "9223372036854775807"), Error("ERR timeout is out of range"))
    equal(client("PING"), PONG)


def test_a_client_that_is_told_of_its_end_reads_no_more(ctx):
    """QUIT behind other commands: all before it is answered, nothing behind it runs."""
    server = ctx.server()
    client = server.client()
    client.send(encode("SET", "k", 1) + encode("INCR", "k") + encode("QUIT") + encode("INCR", "k"))
    equal([client.read() for _ in range(3)], [OK, 2, OK])
    try:
        client.read()
        raise AssertionError("an answer after QUIT")
    except (Closed, ConnectionResetError):
        pass
    equal(server.client()("GET", "k"), b"2")
