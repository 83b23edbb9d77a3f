"""Transactions as several connections see them: WATCH, isolation across slices, expiry, clients that go away, memory."""
import threading
import time

from harness import contains, equal, eventually, only, timeout
from resp import Client, Error, Simple

QUEUED = Simple("QUEUED")
OK = Simple("OK")


def test_another_clients_change_aborts(ctx):
    server = ctx.server()
    mine, other = server.client(), server.client()
    changes = (["SET", "k", "2"], ["APPEND", "k", "x"], ["DEL", "k"], ["SET", "k", "1", "PX", "100000"], ["PERSIST", "k"],
               ["RENAME", "k", "l"], ["RENAME", "l", "k"], ["INCR", "k"], ["GETDEL", "k"], ["MSET", "a", "1", "k", "2"],
               ["FLUSHDB"])
    for change in changes:
        equal(mine("WATCH", "k", "{x}other", "another"), OK)
        equal(mine("MULTI"), OK)
        equal(mine("SET", "done", "yes"), QUEUED)
        other(*change)
        equal(mine("EXEC"), None, " ".join(change))
        equal(other("EXISTS", "done"), 0)
    for nothing in (["GET", "k"], ["DEL", "k"], ["SET", "unrelated", "1"], ["SELECT", "0"]):
        equal(mine("WATCH", "k"), OK)
        equal(mine("MULTI"), OK)
        equal(mine("PING"), QUEUED)
        other(*nothing)
        equal(mine("EXEC"), [Simple("PONG")], " ".join(nothing))


def test_a_watched_key_that_expires_aborts(ctx):
    client = ctx.client()
    client("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    client("SET", "k", "v", "PX", "40")
    client("WATCH", "k")
    time.sleep(0.08)
    client("MULTI")
    client("PING")
    equal(client("EXEC"), None)
    client("SET", "k", "v", "PX", "20")
    time.sleep(0.05)
    client("WATCH", "k")  # it was gone before
    client("MULTI")
    client("PING")
    equal(client("EXEC"), [Simple("PONG")])


def test_watch_based_increments_lose_nothing(ctx):
    """Optimistic increments by many clients, of a counter and of its double on other slices."""
    clients, rounds = 8, 25

    def increment(number):
        client = Client(server.port)
        for _ in range(rounds):
            while True:
                client("WATCH", "n", "double")
                n, double = (int(value or 0) for value in client("MGET", "n", "double"))
                equal(double, 2 * n)
                client("MULTI")
                client("SET", "n", n + 1)
                client("SET", "double", 2 * (n + 1))
                client("SET", f"last:{number}", n)
                if client("EXEC") is not None:
                    break
        results.append(True)

    server, results = ctx.server(*(["--shards", "4"] if ctx.target == "gyre" else [])), []
    threads = [threading.Thread(target=increment, args=(i,)) for i in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(len(results), clients)
    client = server.client()
    equal(client("MGET", "n", "double"), [b"%d" % (clients * rounds), b"%d" % (2 * clients * rounds)])


@timeout(120)
def test_nobody_sees_half_a_transaction(ctx):
    """Transfers between accounts on different slices: the sum never changes for any reader, by EXEC or by MGET."""
    server = ctx.server(*(["--shards", "4"] if ctx.target == "gyre" else []))
    accounts = [f"account:{i}" for i in range(12)]
    server.client()("MSET", *[word for name in accounts for word in (name, "1000")])
    end, failures, seen = time.monotonic() + 3, [], [0, 0]

    def transfer(number):
        client = Client(server.port)
        step = number
        while time.monotonic() < end:
            step = step * 1103515245 + 12345 & 0x7fffffff
            a, b = accounts[step % 12], accounts[step // 12 % 12]
            client.pipeline([["MULTI"], ["DECRBY", a, "7"], ["SET", f"by:{number}", step], ["INCRBY", b, "7"], ["EXEC"]])
            seen[0] += 1

    def read(number):
        client = Client(server.port)
        while time.monotonic() < end:
            if number % 2:
                values = client("MGET", *accounts)
            else:
                values = client.pipeline([["MULTI"], *[["GET", name] for name in accounts], ["EXEC"]])[-1]
            if sum(int(value) for value in values) != 12000:
                failures.append(values)
            seen[1] += 1

    threads = [threading.Thread(target=body, args=(i,)) for body in (transfer, read) for i in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(failures, [])
    assert seen[0] > 50 and seen[1] > 50, seen


def test_clients_that_go_away_leave_nothing_behind(ctx):
    server = ctx.server(*(["--shards", "2"] if ctx.target == "gyre" else []))
    client = server.client()
    for _ in range(50):
        with Client(server.port) as gone:
            gone.pipeline([["WATCH", *[f"w{i}" for i in range(50)]], ["MULTI"], ["SET", "never", "x"]])
    for i in range(50):
        equal(client("SET", f"w{i}", "1"), OK)
    equal(client("GET", "never"), None)
    eventually(lambda: client("INFO", "clients").count(b"connected_clients:1\r\n") == 1)


def test_client_list_shows_the_queue(ctx):
    server = ctx.server()
    client, other = server.client(), server.client()
    other("CLIENT", "SETNAME", "queues")
    contains(client("CLIENT", "LIST"), b"multi=-1")

    def line():
        return [line for line in client("CLIENT", "LIST").decode().splitlines() if "name=queues" in line][0]

    other("MULTI")
    contains(line(), "multi=0 ")
    contains(line(), "flags=x ")
    other("PING")
    other("PING")
    contains(line(), "multi=2 ")
    other("DISCARD")
    contains(line(), "multi=-1 ")
    contains(line(), "flags=N ")


def test_memory_at_its_limit_refuses_to_queue(ctx):
    server = ctx.server()
    client, other = server.client(), server.client()
    oom = "OOM command not allowed when used memory > 'maxmemory'."
    client("MULTI")
    equal(client("SET", "k", "v"), QUEUED)
    equal(other("CONFIG", "SET", "maxmemory", "1"), OK)
    got = client("EXEC")
    assert isinstance(got, Error), got
    equal(str(got), "EXECABORT Transaction discarded because of: " + oom)
    client("MULTI")
    equal(str(client("GET", "k")), oom)
    got = client("EXEC")
    equal(str(got), "EXECABORT Transaction discarded because of previous errors.")
    client("MULTI")
    equal(client("DISCARD"), OK)
    equal(other("CONFIG", "SET", "maxmemory", "0"), OK)


def test_pause_holds_back_a_transaction_that_writes(ctx):
    server = ctx.server()
    client, other = server.client(), server.client()
    client("MULTI")
    client("SET", "k", "v")
    other("CLIENT", "PAUSE", "100000", "WRITE")
    client.send_command("EXEC")
    time.sleep(0.1)
    equal(other("GET", "k"), None)
    other("CLIENT", "UNPAUSE")
    equal(client.read(), [OK])
    equal(other("GET", "k"), b"v")


def test_monitors_see_the_commands_then_exec(ctx):
    server = ctx.server()
    monitor, client = server.client(), server.client()
    equal(monitor("MONITOR"), OK)
    client.pipeline([["MULTI"], ["SET", "k", "v"], ["GET", "k"], ["EXEC"]])
    seen = [monitor.read().split('] ', 1)[1] for _ in range(4)]
    equal(seen, ['"MULTI"', '"SET" "k" "v"', '"GET" "k"', '"EXEC"'])


@only("gyre")
def test_a_transaction_waits_for_its_slices(ctx):
    """EXEC meets a slice that is held, is parked, and runs whole afterwards; what was sent behind it keeps its place."""
    server = ctx.server("--shards", "2", "--enable-debug-command", "yes")
    holder, client = server.client(), server.client()
    holder.send_command("DEBUG", "HOLD", "held", "0.5")
    time.sleep(0.1)
    began = time.monotonic()
    replies = client.pipeline([["MULTI"], ["SET", "free", "1"], ["INCR", "held"], ["EXEC"], ["GET", "free"], ["INCR", "held"]])
    equal(replies, [OK, QUEUED, QUEUED, [OK, 1], b"1", 2])
    assert time.monotonic() - began > 0.2
    holder.read()
