"""MONITOR: what is shown of commands, in what order, and how it ends, over several shards."""
import re
import threading

from clients import OK, PONG, connect, lines
from harness import contains, equal, eventually, only, timeout
from resp import Client, Error, Simple, encode

LINE = re.compile(r'^(\d{10}\.\d{6}) \[(\d+) ([^\]]*)\] (.*)$')


def monitored(monitor):
    """Database, origin and words of the next line."""
    line = monitor.read()
    assert isinstance(line, Simple), line
    return LINE.match(line).groups()[1:]


def test_monitor_lines(ctx):
    server = ctx.server("--unixsocket", "s.sock")
    monitor, client = server.client(), server.client()
    equal(monitor("MONITOR"), OK)
    addr = "127.0.0.1:%d" % client.socket.getsockname()[1]
    shown = (
        (["PING"], '"PING"', 0),
        (["select", "5"], '"select" "5"', 5),
        (["Set", "k", "123"], '"Set" "k" "123"', 5),
        (["ECHO", b'a"b\\\r\n\t\a\x00\xff'], r'"ECHO" "a\"b\\\r\n\t\a\x00\xff"', 5),
        (["AUTH", "x"], '"AUTH" "(redacted)"', 5),
        (["AUTH", "default", "secret"], '"AUTH" "(redacted)" "(redacted)"', 5),
        (["HELLO", "2", "AUTH", "default", "secret", "SETNAME", "z"],
         '"HELLO" "2" "AUTH" "(redacted)" "(redacted)" "SETNAME" "z"', 5),
        (["INCR", "text"], '"INCR" "text"', 5),
        (["client", "getname"], '"client" "getname"', 5),
        (["CLIENT", "LIST"], None, 5),
        (["CONFIG", "GET", "port"], None, 5),
        (["SLOWLOG", "LEN"], None, 5),
        (["GET"], None, 5),
        (["NONSENSE"], None, 5),
        (["MGET", "k", "l", ""], '"MGET" "k" "l" ""', 5),
        (["MSET", "k", "1", "l", "2"], '"MSET" "k" "1" "l" "2"', 5),
        (["FLUSHALL"], '"FLUSHALL"', 5),
        (["RESET"], '"RESET"', 0),
        (["QUIT"], '"QUIT"', 0),
    )
    for command, _, _ in shown:
        client(*command)
    for command, words, database in shown:
        if words:
            equal(monitored(monitor), (str(database), addr, words), command)
    with Client(path=f"{server.folder}/s.sock") as near:
        near("PING")
    equal(monitored(monitor)[1], "unix:s.sock")


def test_monitor_sees_itself_and_keeps_off_keys(ctx):
    client = ctx.client()
    equal(client("MONITOR"), OK)
    equal(client("PING"), PONG)
    equal(monitored(client)[2], '"PING"')
    for command in (["GET", "a"], ["SET", "a", 1], ["DBSIZE"], ["FLUSHALL"]):
        equal(client(*command), Error("ERR Replica can't interact with the keyspace"))
    client.send(encode("MONITOR") + encode("PING"))
    equal(client.read(), PONG, "no reply to a second MONITOR")
    equal(monitored(client)[2], '"PING"')
    equal(dict(f.split("=", 1) for f in client("CLIENT", "INFO").decode().split())["flags"], "O")
    equal(monitored(client)[2], '"CLIENT" "INFO"')


@timeout(120)
def test_monitors_of_several_shards_see_one_order(ctx):
    """Writers share a counter: what MONITOR tells of it must be in the order that INCR gave out its numbers."""
    server = ctx.server()
    rounds, monitors, writers = ctx.scaled(4000), connect(server, 5), connect(server, 6)
    for monitor in monitors:
        equal(monitor("MONITOR"), OK)
    order = {}

    def write(number, client):
        for at in range(0, rounds, 50):
            commands = [("INCRBY", "n", 1 + (number * rounds + at + i) * 1000000) for i in range(50)]
            for command, reply in zip(commands, client.pipeline(commands)):
                order[reply % 1000000] = str(command[2])

    threads = [threading.Thread(target=write, args=pair) for pair in enumerate(writers)]
    readers = [[] for _ in monitors]

    def read(monitor, into):
        for _ in range(rounds * len(writers)):
            into.append(monitored(monitor)[2])

    threads += [threading.Thread(target=read, args=pair) for pair in zip(monitors, readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [f'"INCRBY" "n" "{order[i + 1]}"' for i in range(rounds * len(writers))]
    for seen in readers:
        equal(len(seen), len(expected))
        if seen != expected:
            at = next(i for i, pair in enumerate(zip(seen, expected)) if pair[0] != pair[1])
            raise AssertionError(f"line {at}: {seen[at - 1:at + 2]} is not {expected[at - 1:at + 2]}")


def test_monitors_come_and_go(ctx):
    server = ctx.server()
    writer, stop = server.client(), threading.Event()

    def write():
        while not stop.is_set():
            writer.pipeline([("SET", f"k{i}", i) for i in range(50)])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(ctx.scaled(60)):
            monitors = connect(server, 4)
            for monitor in monitors:
                equal(monitor("MONITOR"), OK)
            for monitor in monitors:
                assert monitored(monitor)[2].startswith('"SET" "k')
            for at, monitor in enumerate(monitors):
                if (at + number) % 2:
                    monitor.close()
                    continue
                monitor.send(encode("RESET") + encode("ECHO", "after"))
                while monitor.read() != "RESET":
                    pass
                equal(monitor.read(), b"after", "nothing more once RESET was answered")
                monitor.close()
    finally:
        stop.set()
        thread.join()
    equal(writer("PING"), PONG)


def test_monitor_is_not_paused_and_can_be_killed(ctx):
    server = ctx.server()
    admin, monitor, client = connect(server, 3)
    one = monitor("CLIENT", "ID")
    equal(monitor("MONITOR"), OK)
    admin("CLIENT", "PAUSE", 100000)
    client.send_command("PING")
    equal(monitor("PING"), PONG)
    equal(monitored(monitor)[2], '"PING"')
    equal(monitor("CLIENT", "UNPAUSE"), OK)
    equal(client.read(), PONG)
    equal(monitored(monitor)[2], '"PING"')
    equal(admin("CLIENT", "KILL", "ID", one), 1)
    assert monitor.closed()
    equal(client("PING"), PONG)


def test_monitor_that_does_not_read_is_cut_off_at_its_limit(ctx):
    server = ctx.server("--client-output-buffer-limit", "normal", "1mb", "0", "0")
    deaf, client = server.client(receive_buffer=4096), server.client()
    one = deaf("CLIENT", "ID")
    equal(deaf("MONITOR"), OK)

    def is_gone():
        client.pipeline([("SET", "k", "x" * 20000)] * 100)
        return not lines(client, "ID", one)

    eventually(is_gone, 20, "the end of the monitor")


def test_monitor_of_large_arguments(ctx):
    """Arguments that become values without being copied, one of which is overwritten by the same command."""
    server = ctx.server()
    monitor, client = server.client(), server.client()
    monitor("MONITOR")
    big, bigger = "a" * 100000, "b" * 200000
    equal(client("MSET", "k", big, "k", "small", "l", bigger), OK)
    equal(monitored(monitor)[2], f'"MSET" "k" "{big}" "k" "small" "l" "{bigger}"')
    equal(client("SET", "k", bigger, "NX"), None)
    equal(monitored(monitor)[2], f'"SET" "k" "{bigger}" "NX"')
    equal(client("SET", "gone", bigger, "PXAT", "1"), OK)
    equal(monitored(monitor)[2], f'"SET" "gone" "{bigger}" "PXAT" "1"')
    equal(client("APPEND", "l", big), 300000)
    equal(monitored(monitor)[2], f'"APPEND" "l" "{big}"')


@only("gyre")
def test_monitor_shows_a_bounded_part_of_a_huge_command(ctx):
    server = ctx.server()
    monitor, client = server.client(), server.client()
    monitor("MONITOR")
    client("SET", "k", "x" * 3000000, "EX", "100")
    words = monitored(monitor)[2]
    equal(words[:12], '"SET" "k" "x')
    contains(words[-60:], '"... (')
    contains(words[-60:], "more bytes)")
    assert words.endswith(" ... (2 more arguments)"), words[-60:]
    assert 1 << 20 <= len(words) < (1 << 20) + 200
