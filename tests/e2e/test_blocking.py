"""Commands that wait for a list: who is served when, by what, and that nothing is lost or given twice."""
import collections
import socket
import threading
import time

from harness import contains, equal, eventually, only, timeout
from resp import Client, Error, Simple

OK = Simple("OK")


def server_of(ctx, shards="4"):
    return ctx.server(*(["--shards", shards] if ctx.target == "gyre" else []))


def wait_for_blocked(client, count):
    eventually(lambda: f"blocked_clients:{count}\r\n".encode() in client("INFO", "clients"), 10, f"{count} blocked clients")


def blocked(server, *command):
    """A client that waits with a command, seen by the server to do so."""
    control = server.client()
    before = int(control("INFO", "clients").split(b"blocked_clients:")[1].split(b"\r")[0])
    client = server.client()
    client.send_command(*command)
    wait_for_blocked(control, before + 1)
    control.close()
    return client


def is_silent(client, seconds=0.1):
    client.socket.settimeout(seconds)
    try:
        client.read()
    except (TimeoutError, socket.timeout):
        return True
    finally:
        client.socket.settimeout(20)
    return False


def test_each_command_is_served_by_a_push(ctx):
    server = server_of(ctx)
    client = server.client()
    cases = ((("BLPOP", "k", "0"), [b"k", b"1"], [b"2", b"3"]),
             (("BRPOP", "k", "0"), [b"k", b"3"], [b"1", b"2"]),
             (("BLPOP", "none", "k", "other", "0"), [b"k", b"1"], [b"2", b"3"]),
             (("BRPOPLPUSH", "k", "to", "0"), b"3", [b"1", b"2"]),
             (("BLMOVE", "k", "to", "LEFT", "RIGHT", "0"), b"1", [b"2", b"3"]),
             (("BLMOVE", "k", "k", "LEFT", "RIGHT", "0"), b"1", [b"2", b"3", b"1"]),
             (("BLMPOP", "0", "2", "none", "k", "LEFT"), [b"k", [b"1"]], [b"2", b"3"]),
             (("BLMPOP", "0", "2", "none", "k", "RIGHT", "COUNT", "2"), [b"k", [b"3", b"2"]], [b"1"]),
             (("BLMPOP", "0", "1", "k", "RIGHT", "COUNT", "20"), [b"k", [b"3", b"2", b"1"]], []))
    for command, reply, rest in cases:
        client("DEL", "k", "to")
        waiter = blocked(server, *command)
        equal(client("RPUSH", "k", "1", "2", "3"), 3, "the length as it was before others were served")
        equal(client("LRANGE", "k", "0", "-1"), rest, "served before the next command")
        equal(waiter.read(), reply, " ".join(command))
        if "to" in command:
            equal(client("LRANGE", "to", "0", "-1"), [reply])
        equal(waiter("PING"), Simple("PONG"))


def test_first_come_first_served(ctx):
    server = server_of(ctx)
    client = server.client()
    waiters = [blocked(server, "BLPOP", f"only{i}", "k", "0") for i in range(8)]
    equal(client("RPUSH", "k", "a", "b", "c"), 3)
    for waiter, value in zip(waiters, (b"a", b"b", b"c")):
        equal(waiter.read(), [b"k", value])
    for waiter in waiters[3:]:
        assert is_silent(waiter, 0.02)
    client.pipeline([["MULTI"], *[["RPUSH", "k", i] for i in range(5)], ["EXEC"]])
    for i, waiter in enumerate(waiters[3:]):
        equal(waiter.read(), [b"k", b"%d" % i])
    equal(client("EXISTS", "k"), 0)


def test_time_runs_out_to_the_millisecond(ctx):
    client = server_of(ctx).client()
    for command in (("BLPOP", "k", "l", "0.05"), ("BRPOP", "k", "0.05"), ("BRPOPLPUSH", "k", "l", "0.05"),
                    ("BLMOVE", "k", "l", "LEFT", "LEFT", "0.05"), ("BLMPOP", "0.05", "1", "k", "LEFT")):
        began = time.monotonic()
        equal(client(*command), None, " ".join(command))
        took = time.monotonic() - began
        assert 0.05 <= took < 0.5, f"{took * 1000:.1f} ms"
    equal(client("INFO", "clients").count(b"blocked_clients:0\r\n"), 1)
    # What was sent behind it keeps its place.
    equal(client.pipeline([["BLPOP", "k", "0.02"], ["RPUSH", "k", "v"], ["LLEN", "k"]]), [None, 1, 1])


def test_nobody_waits_within_a_transaction(ctx):
    client = server_of(ctx).client()
    replies = client.pipeline([["MULTI"], ["BLPOP", "k", "0"], ["BRPOP", "k", "0"], ["BLMOVE", "k", "l", "LEFT", "LEFT", "0"],
                               ["BRPOPLPUSH", "k", "l", "0"], ["BLMPOP", "0", "1", "k", "LEFT"], ["RPUSH", "k", "v"],
                               ["BLPOP", "k", "0"], ["EXEC"]])
    equal(replies[-1], [None, None, None, None, None, 1, [b"k", b"v"]])


def test_a_transaction_serves_when_it_is_whole(ctx):
    server = server_of(ctx)
    client = server.client()
    waiter = blocked(server, "BLPOP", "k", "0")
    equal(client.pipeline([["MULTI"], ["RPUSH", "k", "v"], ["DEL", "k"], ["EXEC"]])[-1], [1, 1])
    assert is_silent(waiter)
    equal(client.pipeline([["MULTI"], ["RPUSH", "k", "x"], ["LPUSH", "k", "w"], ["LLEN", "k"], ["EXEC"]])[-1], [1, 2, 2])
    equal(waiter.read(), [b"k", b"w"])
    equal(client("LRANGE", "k", "0", "-1"), [b"x"])


def test_other_ways_for_a_list_to_come(ctx):
    server = server_of(ctx)
    client = server.client()
    client("RPUSH", "{x}list", "v")
    for command in (["RENAME", "{x}list", "k"], ["COPY", "{x}list", "k"], ["LMOVE", "{x}list", "k", "LEFT", "LEFT"],
                    ["RPOPLPUSH", "{x}list", "k"], ["RENAMENX", "{x}list", "k"], ["SORT", "{x}list", "ALPHA", "STORE", "k"]):
        client("DEL", "{x}list")
        client("RPUSH", "{x}list", "v")
        waiter = blocked(server, "BLPOP", "k", "0")
        client(*command)
        equal(waiter.read(), [b"k", b"v"], " ".join(command))
        equal(client("EXISTS", "k"), 0)
    client("DEL", "{x}list")
    waiter = blocked(server, "BLPOP", "k", "0")
    client.pipeline([["SELECT", "1"], ["RPUSH", "k", "there"], ["SELECT", "0"]])
    assert is_silent(waiter)
    equal(client("SWAPDB", "0", "1"), OK)
    equal(waiter.read(), [b"k", b"there"])
    waiter = blocked(server, "BLPOP", "k", "0")
    client.pipeline([["SELECT", "1"], ["RPUSH", "k", "moved"], ["MOVE", "k", "0"]])
    equal(waiter.read(), [b"k", b"moved"])


def test_another_type_serves_nobody(ctx):
    server = server_of(ctx)
    client = server.client()
    waiter = blocked(server, "BLPOP", "k", "0")
    client("SET", "k", "string")
    assert is_silent(waiter, 0.05)
    client("DEL", "k")
    client("RPUSH", "k", "v")
    equal(waiter.read(), [b"k", b"v"])
    client("SET", "k", "string")
    wrong = "WRONGTYPE Operation against a key holding the wrong kind of value"
    equal(client("BLPOP", "k", "0"), Error(wrong))
    equal(client("BLPOP", "none", "k", "0"), Error(wrong))
    # An element that cannot be moved on stays where it is, and the one who waited is told why.
    waiter = blocked(server, "BLMOVE", "from", "k", "LEFT", "LEFT", "0")
    equal(client("RPUSH", "from", "v"), 1)
    equal(waiter.read(), Error(wrong))
    equal(client("LRANGE", "from", "0", "-1"), [b"v"])


def test_moves_that_serve_moves(ctx):
    """One push runs down a chain of waiting moves over lists on many slices, within its own instant."""
    server = server_of(ctx)
    client = server.client()
    for length in (2, 5, 12):
        names = [f"link:{length}:{i}" for i in range(length + 1)]
        waiters = [blocked(server, "BLMOVE", a, b, "LEFT", "RIGHT", "0") for a, b in zip(names, names[1:])]
        last = blocked(server, "BLPOP", names[-1], "0")
        equal(client("RPUSH", names[0], "v"), 1)
        equal(client("EXISTS", *names), 0)
        for waiter in waiters:
            equal(waiter.read(), b"v")
        equal(last.read(), [names[-1].encode(), b"v"])


@only("gyre")
def test_a_move_that_is_run_again_keeps_its_time(ctx):
    """A list that comes from another database wakes a move whose destination's slice the bringer does not hold. By the time the
    move runs again the list is gone (one shard: nothing comes between pipelined commands): it waits for the rest of its time."""
    server = server_of(ctx, "1")
    client = server.client()
    waiter = server.client()
    waiter("SELECT", "1")
    began = time.monotonic()
    waiter.send_command("BLMOVE", "from", "to", "LEFT", "RIGHT", "1.2")
    wait_for_blocked(client, 1)
    for share in (0.4, 0.8):
        time.sleep(max(0, began + share - time.monotonic()))
        equal(client.pipeline([["RPUSH", "from", "v"], ["MOVE", "from", "1"], ["SELECT", "1"], ["DEL", "from"], ["SELECT", "0"]]),
              [1, 1, OK, 1, OK])
    equal(waiter.read(), None)
    took = time.monotonic() - began
    assert 1.15 < took < 1.9, f"it waited for {took:.3f} s"


def test_moves_are_served_within_transactions_and_lists_of_many(ctx):
    server = server_of(ctx)
    client = server.client()
    waiters = [blocked(server, "BLMOVE", "from", f"to:{i}", "LEFT", "RIGHT", "0") for i in range(20)]
    client.pipeline([["MULTI"], ["RPUSH", "from", *range(10)], ["RPUSH", "from", *range(10, 20)], ["EXEC"]])
    for i, waiter in enumerate(waiters):
        equal(waiter.read(), b"%d" % i)
        equal(client("LRANGE", f"to:{i}", "0", "-1"), [b"%d" % i])
    waiters = [blocked(server, "BLMOVE", "from", f"next:{i}", "LEFT", "RIGHT", "0") for i in range(40)]
    equal(client("RPUSH", "from", *range(40)), 40)
    for i, waiter in enumerate(waiters):
        equal(waiter.read(), b"%d" % i)
    eventually(lambda: client("EXISTS", "from") == 0, 5, "an empty list")


def test_client_unblock(ctx):
    server = server_of(ctx)
    client, waiter = server.client(), server.client()
    number = waiter("CLIENT", "ID")
    for reason, reply in (([], None), (["TIMEOUT"], None), (["ERROR"], Error("UNBLOCKED client unblocked via CLIENT UNBLOCK"))):
        waiter.send_command("BLPOP", "k", "0")
        wait_for_blocked(client, 1)
        contains(client("CLIENT", "LIST"), b"flags=b ")
        equal(client("CLIENT", "UNBLOCK", number, *reason), 1)
        equal(waiter.read(), reply)
        equal(client("CLIENT", "UNBLOCK", number, *reason), 0)
    wait_for_blocked(client, 0)
    client("RPUSH", "k", "v")
    equal(client("LLEN", "k"), 1)


def test_who_has_gone_gets_nothing(ctx):
    server = server_of(ctx)
    client = server.client()
    gone = [blocked(server, "BLPOP", "k", f"other:{i}", "0") for i in range(5)]
    stays = blocked(server, "BLPOP", "k", "0")
    for one in gone[:3]:
        one.close()
    wait_for_blocked(client, 3)
    for one in gone[3:]:
        equal(client("CLIENT", "KILL", "ADDR", "%s:%d" % one.socket.getsockname()[:2], "SKIPME", "yes"), 1)
    wait_for_blocked(client, 1)
    client("RPUSH", "k", "v")
    equal(stays.read(), [b"k", b"v"])
    client("RPUSH", "k", "w")
    equal(client("LLEN", "k"), 1)


def test_both_protocols(ctx):
    server = server_of(ctx)
    client, waiter = server.client(), server.client()
    waiter("HELLO", "3")
    for _ in range(2):
        waiter.send_command("BLPOP", "k", "0")
        wait_for_blocked(client, 1)
        client("RPUSH", "k", "v")
        equal(waiter.read(), [b"k", b"v"])
    waiter.send(b"*3\r\n$5\r\nBLPOP\r\n$1\r\nk\r\n$4\r\n0.01\r\n")
    equal(waiter.raw(), b"_\r\n")


def test_counted_once_when_served(ctx):
    server = server_of(ctx)
    client = server.client()
    waiter = blocked(server, "BLPOP", "k", "0")
    client("RPUSH", "k", "v")
    waiter.read()
    equal(waiter("BLPOP", "k", "0.01"), None)
    contains(client("INFO", "commandstats"), b"cmdstat_blpop:calls=2,")


@timeout(120)
def test_nothing_is_lost_or_given_twice(ctx):
    """Many that wait on several lists of many slices, some of whom give up or go away; everything pushed is got by exactly one."""
    server = server_of(ctx)
    lists, each, crowd = [f"list:{i}" for i in range(6)], 150, 24
    got, lock = collections.Counter(), threading.Lock()
    pushed = len(lists) * each

    def consume(number):
        client = Client(server.port)
        mine = lists[number % 6:] + lists[:number % 6]
        while sum(got.values()) < pushed:
            kind = number % 4
            if kind == 0:
                reply = client("BLPOP", *mine[:3], "0.05")
                values = [reply[1]] if reply else []
            elif kind == 1:
                reply = client("BLMPOP", "0.05", "6", *mine, "RIGHT", "COUNT", "3")
                values = reply[1] if reply else []
            elif kind == 2:
                value = client("BLMOVE", mine[0], f"done:{number}", "LEFT", "RIGHT", "0.05")
                values = [value] if value is not None else []
            else:
                values = [value for value in client.pipeline([["MULTI"], ["LPOP", mine[0]], ["LPOP", mine[1]], ["EXEC"]])[-1] if value]
                time.sleep(0.002)
            with lock:
                got.update(values)

    def produce(number):
        client = Client(server.port)
        for i in range(each):
            value = f"{number}:{i}"
            if i % 3 == 0:
                client.pipeline([["MULTI"], ["RPUSH", lists[number], value], ["INCR", "pushed"], ["EXEC"]])
            else:
                client("RPUSH", lists[number], value)

    threads = [threading.Thread(target=consume, args=(i,), daemon=True) for i in range(crowd)]
    threads += [threading.Thread(target=produce, args=(i,), daemon=True) for i in range(len(lists))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    equal(sum(got.values()), pushed)
    equal(len(got), pushed)
    client = server.client()
    equal([client("LLEN", name) for name in lists], [0] * len(lists))
    moved = sum(client("LLEN", f"done:{i}") for i in range(crowd))
    assert 0 < moved < pushed
    wait_for_blocked(client, 0)


def test_sorted_sets_serve_as_lists_do(ctx):
    server = server_of(ctx)
    client = server.client()
    cases = ((("BZPOPMIN", "none", "k", "0"), [b"k", b"a", b"1"], [b"b", b"c"]),
             (("BZPOPMAX", "k", "0"), [b"k", b"c", b"3"], [b"a", b"b"]),
             (("BZMPOP", "0", "2", "none", "k", "MIN"), [b"k", [[b"a", b"1"]]], [b"b", b"c"]),
             (("BZMPOP", "0", "1", "k", "MAX", "COUNT", "9"), [b"k", [[b"c", b"3"], [b"b", b"2"], [b"a", b"1"]]], []))
    for command, reply, rest in cases:
        client("DEL", "k")
        waiter = blocked(server, *command)
        lists = blocked(server, "BLPOP", "k", "0.3")
        equal(client("ZADD", "k", "1", "a", "2", "b", "3", "c"), 3)
        equal(client("ZRANGE", "k", "0", "-1"), rest)
        equal(waiter.read(), reply, " ".join(command))
        equal(lists.read(), None, "another type")
    client("DEL", "k", "set")
    client("SADD", "set", "m")
    for command in (["ZUNIONSTORE", "k", "1", "set"], ["ZRANGESTORE", "k", "z", "0", "-1"], ["RENAME", "z", "k"], ["ZINCRBY", "k", "1", "m"]):
        client("ZADD", "z", "1", "m")
        waiter = blocked(server, "BZPOPMAX", "k", "0")
        client(*command)
        equal(waiter.read(), [b"k", b"m", b"1"], " ".join(command))
    for command in (("BZPOPMIN", "k", "0.02"), ("BZPOPMAX", "k", "0.02"), ("BZMPOP", "0.02", "1", "k", "MIN")):
        equal(client(*command), None)
        equal(client.pipeline([["MULTI"], [*(word if word != "0.02" else "0" for word in command)], ["EXEC"]])[-1], [None])
    client("HELLO", "3")
    client("ZADD", "k", "1.5", "a")
    equal(client("BZPOPMIN", "k", "0"), [b"k", b"a", 1.5])


@only("gyre")
def test_a_waiter_leaves_nothing_behind_in_busy_slices(ctx):
    """A wait ends while one of its slices is held: it is taken out of it afterwards."""
    server = ctx.server("--shards", "2", "--enable-debug-command", "yes")
    client, holder = server.client(), server.client()
    waiter = blocked(server, "BLPOP", "held", "free", "0")
    holder.send_command("DEBUG", "HOLD", "held", "0.4")
    time.sleep(0.1)
    client("RPUSH", "free", "v")
    equal(waiter.read(), [b"free", b"v"])
    holder.read()
    client("RPUSH", "held", "w")
    equal(client("LLEN", "held"), 1)
    equal(waiter("BLPOP", "held", "0"), [b"held", b"w"])
