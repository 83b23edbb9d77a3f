"""DEBUG: who may use it, what it shows, how it holds a slice or a thread up, how it crashes; and SHUTDOWN."""
import binascii
import re
import signal
import time

from harness import contains, equal, eventually, only, raises
from resp import Closed, Error, Simple
from shards import clients_by_shard

REFUSED = (
    'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local '
    "connection, otherwise you need to set this option in the configuration file, and then restart the server."
)


def test_gate(ctx):
    client = ctx.server("--enable-debug-command", "no").client()
    for command in (["DEBUG", "SLEEP", "0"], ["DEBUG", "HELP"], ["DEBUG", "NONSENSE"], ["DEBUG", "OBJECT", "key"], ["DEBUG", "DIGEST"]):
        equal(client(*command), Error(REFUSED), command)
    equal(client("DEBUG"), Error("ERR wrong number of arguments for 'debug' command"))
    contains(client("INFO", "commandstats"), b"cmdstat_debug:calls=0,usec=0,usec_per_call=0.00,rejected_calls=6,failed_calls=0")
    equal(client("CONFIG", "SET", "enable-debug-command", "yes"),
          Error("ERR CONFIG SET failed (possibly related to argument 'enable-debug-command') - can't set immutable config"))
    local = ctx.server("--enable-debug-command", "local", "--unixsocket", "sock")
    equal(local.client()("DEBUG", "SLEEP", "0"), Simple("OK"))
    equal(local.client(path=f"{local.folder}/sock")("DEBUG", "SLEEP", "0"), Simple("OK"))


def test_gate_comes_before_the_password(ctx):
    client = ctx.server("--enable-debug-command", "no", "--requirepass", "secret").client()
    equal(client("DEBUG", "SLEEP", "0"), Error(REFUSED))
    client = ctx.server("--requirepass", "secret").client()
    equal(client("DEBUG", "SLEEP", "0"), Error("NOAUTH Authentication required."))


def test_object(ctx):
    """Byte for byte what redis-server says, but for the address and the clock."""
    gyre, redis = ctx.client(), ctx.oracle().client()
    values = ["", "1", "-1", "127", "128", "-129", "32767", "32768", "2147483647", "2147483648", "-2147483649", "12345678901",
              "123456789012", "01", "1.0", "a", "a" * 20, "a" * 21, "a" * 44, "a" * 45, "ab" * 500, "hello world " * 20, "x" * 20000,
              "".join(chr(65 + i * i % 26) for i in range(3000))]
    for value in values:
        replies = []
        for client in (gyre, redis):
            client("SET", "key", "-")
            client("SET", "key", value)
            replies.append(re.sub(r"at:\S+|lru:\d+|idle:\d+", "", client("DEBUG", "OBJECT", "key")))
        equal(replies[0], replies[1], f"a value of {len(value)} bytes")
    client = gyre
    client("SET", "key", "v")
    time.sleep(1.5)
    line = client("DEBUG", "OBJECT", "key")
    contains(line, "lru_seconds_idle:1")
    clock = int(re.search(r" lru:(\d+)", line).group(1))
    assert abs((int(time.time()) - 1 & 0xFFFFFF) - clock) <= 1, line


def test_listpack_quicklist_sdslen(ctx):
    """What redis-server answers, for keys of each encoding; of the strings' sizes only the lengths are the same."""
    replies = []
    for client in (ctx.client(), ctx.oracle().client()):
        client("RPUSH", "list", "a", "b", "3", "hello world")
        client("HSET", "hash", "f", "v")
        client("HSET", "hashtable", "f", "v" * 1000)
        client("ZADD", "zset", "1.5", "a")
        client("SADD", "intset", "1", "2")
        client("SADD", "set", "x")
        client("SET", "int", "12")
        client("SET", "string", "some text")
        keys = ("list", "hash", "hashtable", "zset", "intset", "set", "int", "string", "none")
        own = [client("DEBUG", verb, key) for verb in ("LISTPACK", "QUICKLIST", "SDSLEN") for key in keys if (verb, key) != ("LISTPACK", "set")]
        own += [client("DEBUG", "QUICKLIST", key, detail) for key in ("list", "hash") for detail in ("0", "1", "x")]
        own += [client("DEBUG", *words) for words in (("LISTPACK",), ("LISTPACK", "hash", "1"), ("QUICKLIST",), ("QUICKLIST", "list", "0", "1"),
                                                      ("SDSLEN",), ("SDSLEN", "string", "1"))]
        replies.append([re.sub(r"(avail|zmalloc): ?\d+", r"\1", r) if isinstance(r, str) else r for r in own])
    equal(*replies)


def test_digest(ctx):
    client, other = ctx.client(), ctx.server("--shards", "3").client()
    equal(client("DEBUG", "DIGEST"), Simple("0" * 40))
    commands = [["SET", f"key:{i}", f"value {i}"] for i in range(500)] + [["SELECT", "7"], ["SET", "seven", "7"], ["SELECT", "0"]]
    for command in commands[:500]:
        client(*command)
    for command in reversed(commands[:500]):
        other(*command)
    for command in commands[500:]:
        client(*command), other(*command)
    whole = client("DEBUG", "DIGEST")
    assert re.fullmatch("[0-9a-f]{40}", whole) and whole != "0" * 40, whole
    equal(other("DEBUG", "DIGEST"), whole, "the digest of the same data, made in another order")
    changes = [["SET", "key:5", "x"], ["DEL", "key:5"], ["EXPIRE", "key:5", "1000"], ["RENAME", "key:5", "renamed"],
               ["MOVE", "key:5", "7"], ["APPEND", "key:5", ""]]
    for change in changes:
        other(*change)
        (equal if change[0] == "APPEND" else differ)(other("DEBUG", "DIGEST"), whole)
        other("SELECT", "7"), other("DEL", "key:5"), other("SELECT", "0"), other("DEL", "renamed")
        other("SET", "key:5", "value 5")
        equal(other("DEBUG", "DIGEST"), whole, f"after {change} was undone")
    client("FLUSHALL")
    equal(client("DEBUG", "DIGEST"), Simple("0" * 40))


def differ(a, b):
    assert a != b, f"both are {a!r}"


def test_digest_of_values(ctx):
    client = ctx.client()
    client("MSET", "a", "x", "b", "x", "c", "y", "n", "10")
    client("SET", "m", "1")
    client("INCRBY", "m", "9")
    a, b, c, missing, n, m = client("DEBUG", "DIGEST-VALUE", "a", "b", "c", "missing", "n", "m")
    equal((a, n), (b, m))
    differ(a, c)
    equal(missing, Simple("0" * 40))


MADE_TWICE = {
    "list": (["RPUSH k 1 x 3"], ["LPUSH k 3 y 1", "LSET k 1 x"], ["RPUSH k x 1 3"]),
    "set": (["SADD k 1 x 3"], ["SADD k 3 x y 1", "SREM k y"], ["SADD k 1 x 4"]),
    "hash": (["HSET k f 1 g x"], ["HSET k g y f 1", "HSET k g x"], ["HSET k f x g 1"]),
    "sorted set": (["ZADD k 1 a 2 b"], ["ZADD k 2 b 5 a", "ZINCRBY k -4 a"], ["ZADD k 2 a 1 b"]),
}


def test_digest_says_what_and_not_how(ctx):
    """The same value has one digest, however it was made and is stored; another value has another."""
    client = ctx.server().client()

    def digest(commands):
        client("DEL", "k")
        for command in commands:
            client(*command.split())
        return client("DEBUG", "DIGEST-VALUE", "k"), client("DEBUG", "DIGEST")

    for name, (once, again, other) in MADE_TWICE.items():
        equal(digest(once), digest(again), name)
        differ(digest(once), digest(other))
        client("DEBUG", "OBJECT", "k")
    large = "x" * 20000
    equal(digest([f"RPUSH k a {large} b"]), digest([f"RPUSH k a {large} c", "LSET k 2 b"]))


def test_active_expire_off_and_on(ctx):
    client = ctx.client()
    equal(client("DEBUG", "SET-ACTIVE-EXPIRE", "0"), Simple("OK"))
    for i in range(20):
        client("SET", f"key:{i}", "v", "PX", "50")
    time.sleep(0.5)
    equal(client("DBSIZE"), 20)
    equal(client("GET", "key:0"), None)
    equal(client("DBSIZE"), 19)
    client("CONFIG", "SET", "hz", "20")
    time.sleep(0.3)
    equal(client("DBSIZE"), 19, "keys after another option was set")
    client("DEBUG", "SET-ACTIVE-EXPIRE", "1")
    eventually(lambda: client("DBSIZE") == 0, what="their expiry")


def test_log(ctx):
    server = ctx.server()
    server.client()("DEBUG", "LOG", "a line for the log")
    eventually(lambda: "DEBUG LOG: a line for the log" in server.log_text(), what="the line")


def test_change_replication_id(ctx):
    client = ctx.client()

    def replication_id():
        return re.search(rb"master_replid:([0-9a-f]{40})\r", client("INFO", "replication")).group(1)

    first = replication_id()
    equal(replication_id(), first)
    client("DEBUG", "CHANGE-REPL-ID")
    differ(replication_id(), first)


@only("gyre")
def test_htstats(ctx):
    client = ctx.client()
    contains(client("DEBUG", "HTSTATS", "0"), b"[Dictionary HT]\nNo stats available for empty dictionaries\n")
    for i in range(1000):
        client("SET", f"key:{i}", "v")
    client("EXPIRE", "key:1", "1000")
    text = client("DEBUG", "HTSTATS", "0")
    contains(text, b" number of elements: 1000\n")
    contains(text, b"[Expires HT]\n number of elements: 1\n")


def slice_of(client, key):
    """Slices are equal ranges of slots; slots are as in Redis Cluster (CRC16, which binascii has)."""
    slices = sum(int(n) for n in re.findall(rb",slices=(\d+)", client("INFO", "shards")))
    return binascii.crc_hqx(key.encode(), 0) % 16384 * slices // 16384


@only("gyre")
def test_hold_holds_one_slice_and_one_thread(ctx):
    server = ctx.server("--shards", "2")
    (holder, *_), (waiter, other, *_) = clients_by_shard(server, 2)
    keys = [f"key:{i}" for i in range(100)]
    held = slice_of(holder, keys[0])
    others = [key for key in keys if slice_of(holder, key) != held]
    for key in keys:
        holder("SET", key, "v")
    holder.send_command("DEBUG", "HOLD", keys[0], "1.5")
    time.sleep(0.2)
    began = time.monotonic()
    waiter.send_command("GET", keys[0])  # waits for the slice, and nobody else of its thread with it
    for key in others:
        equal(other("GET", key), b"v", key)
    assert time.monotonic() - began < 1.2, "keys of other slices waited"
    equal(waiter.read(), b"v")
    took = time.monotonic() - began
    assert 0.8 < took < 4, took
    equal(holder.read(), Simple("OK"))
    first, second = holder("INFO", "shards").split(b"shard1:")
    contains(first, b",parks=0,refused=0,")
    assert b",parks=0," not in second, second


@only("gyre")
def test_hold_refuses_nonsense(ctx):
    client = ctx.client()
    syntax = Error("ERR unknown subcommand or wrong number of arguments for 'HOLD'. Try DEBUG HELP.")
    equal(client("DEBUG", "HOLD"), syntax)
    equal(client("DEBUG", "HOLD", "key"), syntax)
    equal(client("DEBUG", "HOLD", "key", "0", "0"), syntax)
    equal(client("DEBUG", "HOLD", "key", "x"), Error("ERR value is not a valid float"))
    for seconds in ("-1", "60.5", "inf"):
        equal(client("DEBUG", "HOLD", "key", seconds), Error("ERR seconds must be between 0 and 60"))
    equal(client("DEBUG", "HOLD", "key", "0.01"), Simple("OK"))


@only("gyre")
def test_sleep_holds_up_its_own_thread_only(ctx):
    server = ctx.server("--shards", "2")
    (first,), (second,) = clients_by_shard(server)
    first.send_command("DEBUG", "SLEEP", "1")
    time.sleep(0.1)
    began = time.monotonic()
    for i in range(50):
        second("SET", f"key:{i}", "v")
    assert time.monotonic() - began < 0.7, "commands of the other shard waited"
    equal(first.read(), Simple("OK"))


@only("gyre")
def test_crashes(ctx):
    for how, status in (("PANIC", -signal.SIGABRT), ("ASSERT", -signal.SIGABRT), ("SEGFAULT", -signal.SIGSEGV)):
        server = ctx.server()
        client = server.client()
        client("SET", "key", "v")
        client.send_command("DEBUG", how)
        with raises((Closed, ConnectionError)):
            client.read()
        ended = server.wait()
        if not ctx.sanitized:  # a sanitizer's own handler may end the process
            equal(ended, status, how)
            contains(server.log_text(), "last command debug")


def test_shutdown(ctx):
    for command in (["SHUTDOWN"], ["SHUTDOWN", "NOSAVE"], ["shutdown", "nosave", "now", "force"], ["SHUTDOWN", "NOW", "NOW"]):
        server = ctx.server()
        client, other = server.client(), server.client()
        client.send_command(*command)
        client.send_command("SET", "key", "v")
        equal(client.everything(), (b"", True), f"{command}: what comes before the end")
        equal(other.closed(), True)
        equal(server.wait(), 0, "exit status")
