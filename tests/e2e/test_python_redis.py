"""Debian's python3-redis, the client of most Python programs: its own helpers, pools, pipelines, scans and locks."""
import select
import threading
import time

import redis

from harness import equal, eventually, raises, timeout


def connect(ctx, *options, **more):
    return redis.Redis(port=ctx.server(*options).port, socket_timeout=20, **more)


def test_strings(ctx):
    r = connect(ctx)
    equal(r.set("k", "v"), True)
    equal(r.get("k"), b"v")
    equal(r["k"], b"v")
    equal(r.set("k", "w", nx=True), None)
    equal(r.set("k", "w", xx=True, get=True), b"v")
    equal(r.append("k", "x"), 2)
    equal(r.strlen("k"), 2)
    equal(r.getrange("k", 0, 0), b"w")
    equal(r.setrange("k", 5, "!"), 6)
    equal(r.get("k"), b"wx\0\0\0!")
    equal(r.getset("k", "new"), b"wx\0\0\0!")
    equal(r.getdel("k"), b"new")
    equal("k" in r, False)


def test_numbers(ctx):
    r = connect(ctx)
    equal(r.incr("n"), 1)
    equal(r.incr("n", 41), 42)
    equal(r.decr("n", 2), 40)
    equal(r.incrbyfloat("n", 0.25), 40.25)
    r.set("text", "x")
    with raises(redis.ResponseError):
        r.incr("text")


def test_several_keys(ctx):
    r = connect(ctx, decode_responses=True)
    equal(r.mset({f"k{i}": i for i in range(1000)}), True)
    equal(r.mget([f"k{i}" for i in range(1000)]), [str(i) for i in range(1000)])
    equal(r.msetnx({"k1": "x", "new": "y"}), False)
    equal(r.exists("k1", "k2", "new"), 2)
    equal(r.delete(*[f"k{i}" for i in range(500)]), 500)
    equal(r.dbsize(), 500)
    equal(sorted(r.keys("k99*")), sorted(["k990", "k991", "k992", "k993", "k994", "k995", "k996", "k997", "k998", "k999"]))
    equal(r.rename("k999", "renamed"), True)
    equal(r.copy("renamed", "copied"), True)
    equal(r.get("copied"), "999")
    equal(r.unlink("copied", "renamed", "none"), 2)
    equal(r.flushdb(), True)
    equal(r.randomkey(), None)


def test_expiry(ctx):
    r = connect(ctx)
    r.set("k", "v", ex=100)
    equal(90 < r.ttl("k") <= 100, True)
    equal(r.expire("k", 200, gt=True), True)
    equal(r.expire("k", 100, gt=True), False)
    equal(r.persist("k"), True)
    equal(r.ttl("k"), -1)
    equal(r.ttl("none"), -2)
    r.psetex("short", 50, "v")
    time.sleep(0.1)
    equal(r.get("short"), None)
    r.expireat("k", int(time.time()) + 1000)
    equal(abs(r.expiretime("k") - time.time() - 1000) < 5 if hasattr(r, "expiretime") else True, True)


def test_pipeline(ctx):
    r = connect(ctx)
    pipe = r.pipeline(transaction=False)
    for i in range(2000):
        pipe.set(f"k{i}", i).incr(f"k{i}").get(f"k{i}")
    replies = pipe.execute()
    equal(replies, [reply for i in range(2000) for reply in (True, i + 1, str(i + 1).encode())])
    pipe.get("k1").execute_command("nonsense").get("k2")
    replies = pipe.execute(raise_on_error=False)
    equal([replies[0], replies[2]], [b"2", b"3"])
    equal(isinstance(replies[1], redis.ResponseError), True)


def test_scan(ctx):
    r = connect(ctx)
    names = {f"key:{i}".encode() for i in range(5000)}
    pipe = r.pipeline(transaction=False)
    for name in names:
        pipe.set(name, 1)
    pipe.execute()
    equal(set(r.scan_iter()), names)
    equal(set(r.scan_iter(match="key:1*", count=100)), {n for n in names if n.startswith(b"key:1")})
    equal(list(r.scan_iter(_type="list")), [])


@timeout(120)
def test_scan_while_keys_come_and_go(ctx):
    """Redis's guarantee: what is there from the beginning to the end is returned, whatever happens to the rest."""
    r = connect(ctx)
    stays = {f"stay:{i}".encode() for i in range(3000)}
    r.mset({name: 1 for name in stays})
    stop = threading.Event()

    def churn():
        other = redis.Redis(port=r.connection_pool.connection_kwargs["port"])
        number = 0
        while not stop.is_set():
            other.mset({f"come:{number + i}": 1 for i in range(500)})
            number += 500
            if number % 20000 == 0:
                other.delete(*[f"come:{i}" for i in range(number - 20000, number)])

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for count in (10, 100, 1000):
            equal(stays - set(r.scan_iter(count=count)), set(), "keys that SCAN left out")
    finally:
        stop.set()
        thread.join()


def test_pool_and_threads(ctx):
    r = connect(ctx)
    problems = []

    def work(number):
        try:
            for i in range(200):
                r.set(f"t{number}", i)
                equal(int(r.get(f"t{number}")), i)
                r.incr("together")
        except Exception as error:  # pylint: disable=broad-except
            problems.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(problems, [])
    equal(int(r.get("together")), 3200)


def test_connection_commands(ctx):
    r = connect(ctx, client_name="tester")
    equal(r.ping(), True)
    equal(r.echo("x"), b"x")
    equal(r.client_getname(), "tester")
    # The connection by which it was seen that the server is up may take a moment to go.
    eventually(lambda: [c["name"] for c in r.client_list()] == ["tester"], what="the list of clients")
    equal(r.client_info()["name"], "tester")
    equal(isinstance(r.client_id(), int), True)
    equal(r.time()[0] > 1600000000, True)


def test_information(ctx):
    r = connect(ctx)
    r.set("k", "v")
    info = r.info()
    equal(info["redis_version"].startswith("7."), True)
    equal(info["connected_clients"], 1)
    equal(info["db0"]["keys"], 1)
    equal(info["role"], "master")
    equal(isinstance(info["used_memory"], int), True)
    equal(r.info("commandstats")["cmdstat_set"]["calls"], 1)
    equal(r.config_get("maxmemory*")["maxmemory"], "0")
    equal(r.config_set("maxmemory-policy", "allkeys-lru"), True)
    equal(r.config_get("maxmemory-policy"), {"maxmemory-policy": "allkeys-lru"})
    equal(r.config_resetstat(), True)
    equal(r.slowlog_len() >= 0, True)
    equal(r.slowlog_reset(), True)
    equal(r.command_count() > 50, True)
    equal(r.memory_usage("k") > 0, True)
    equal(r.object("encoding", "k"), b"embstr")


def test_databases(ctx):
    r = connect(ctx)
    three = redis.Redis(port=r.connection_pool.connection_kwargs["port"], db=3)
    three.set("k", "three")
    equal(r.get("k"), None)
    equal(three.move("k", 0), True)
    equal(r.get("k"), b"three")
    equal(r.swapdb(0, 3), True)
    equal(three.get("k"), b"three")
    equal(r.flushall(), True)
    equal(three.dbsize(), 0)


def test_monitor(ctx):
    r = connect(ctx)
    with r.monitor() as monitor:
        r.set("watched", "a b\n")
        seen = monitor.next_command()
        while not seen["command"].startswith("SET"):
            seen = monitor.next_command()
    equal(seen["command"], "SET watched a b\\n", "as MONITOR escapes it")
    equal(seen["db"], 0)


def test_reconnects(ctx):
    r = connect(ctx, retry_on_timeout=True)
    number = r.client_id()
    other = redis.Redis(port=r.connection_pool.connection_kwargs["port"])
    equal(other.client_kill_filter(_id=number), 1)
    eventually(lambda: str(number) not in [c["id"] for c in other.client_list()], 5, "the killed connection gone")
    # Closing is the business of the thread that owns the connection: soon, not at once. This client looks for an end before
    # it sends, and then reconnects.
    line = r.connection_pool._available_connections[0]._sock  # pylint: disable=protected-access
    eventually(lambda: select.select([line], [], [], 0)[0], 5, "the end of the killed connection")
    equal(r.ping(), True)


def test_password_and_url(ctx):
    server = ctx.server("--requirepass", "secret")
    with raises(redis.AuthenticationError):
        redis.Redis(port=server.port).ping()
    with raises(redis.ResponseError):
        redis.Redis(port=server.port, password="wrong").ping()
    equal(redis.Redis(port=server.port, password="secret").ping(), True)
    equal(redis.Redis(port=server.port, username="default", password="secret").ping(), True)
    url = redis.Redis.from_url(f"redis://:secret@127.0.0.1:{server.port}/2")
    url.set("k", "v")
    equal(url.client_list()[0]["db"], "2")


def test_unix_socket(ctx):
    server = ctx.server("--unixsocket", "sock")
    r = redis.Redis(unix_socket_path=f"{server.folder}/sock")
    equal(r.set("k", "v"), True)
    equal(r.get("k"), b"v")


def test_subscriptions(ctx):
    r = connect(ctx, decode_responses=True)
    listener = r.pubsub()
    heard = []

    def said():
        """What comes next, but for what a handler takes, for which the library gives None."""
        return eventually(lambda: listener.get_message(timeout=0.05))

    def message(kind, channel, data, pattern=None):
        return {"type": kind, "pattern": pattern, "channel": channel, "data": data}

    listener.subscribe("a")
    equal(said(), message("subscribe", "a", 1))
    listener.subscribe(handled=heard.append)
    equal(said(), message("subscribe", "handled", 2))
    listener.psubscribe("b*")
    equal(said(), message("psubscribe", "b*", 3))
    equal(dict(r.pubsub_numsub("a", "handled", "none")), {"a": 1, "handled": 1, "none": 0})
    equal(sorted(r.pubsub_channels()), ["a", "handled"])
    equal(r.pubsub_numpat(), 1)
    equal([r.publish("a", "one"), r.publish("handled", "two"), r.publish("bb", "three"), r.publish("c", "four")], [1, 1, 1, 0])
    equal(said(), message("message", "a", "one"))
    equal(said(), message("pmessage", "bb", "three", "b*"))
    equal(heard, [message("message", "handled", "two")])
    listener.ping()
    equal(said()["type"], "pong")
    listener.unsubscribe()
    equal({said()["channel"], said()["channel"]}, {"a", "handled"})
    listener.punsubscribe()
    equal(said(), message("punsubscribe", "b*", 0))
    equal(listener.subscribed, False)
    listener.close()
    eventually(lambda: r.pubsub_channels() == [])


def test_listening_in_a_thread(ctx):
    r = connect(ctx, decode_responses=True)
    heard = []
    listener = r.pubsub(ignore_subscribe_messages=True)
    listener.psubscribe(**{"__keyevent@0__:*": lambda message: heard.append((message["channel"], message["data"]))})
    r.config_set("notify-keyspace-events", "KEA")
    thread = listener.run_in_thread(sleep_time=0.01)
    eventually(lambda: r.pubsub_numpat() == 1)
    r.set("k", 1, ex=100)
    r.incr("k")
    r.rename("k", "l")
    r.delete("l")
    names = ["set", "expire", "incrby", "rename_from", "rename_to", "del"]
    eventually(lambda: len(heard) == len(names))
    equal([channel.split(":")[1] for channel, _ in heard], names)
    equal([key for _, key in heard], ["k", "k", "k", "k", "l", "l"])
    thread.stop()
    thread.join(10)
