"""Values exchanged with redis-server by DUMP and RESTORE, both ways, in every type and encoding of every version."""
import itertools
import math
import random

import rdbtext
from compare import Pair
from harness import equal, eventually, group, only, timeout

TEXTS = [
    b"",
    b"v",
    b"0",
    b"-1",
    b"127",
    b"128",
    b"-129",
    b"32768",
    b"2147483648",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"01",
    b"-0",
    b"+1",
    b"1.5",
    b"x" * 20,
    b"x" * 21,
    b"x" * 63,
    b"x" * 64,
    bytes(range(256)),
    b"\x00" * 44,
    b"abc" * 5000,
    b"x" * 300000,
    random.Random(1).randbytes(70000),
]


def texts(count, rng, longest=40):
    """That many different ones."""
    found = {}
    while len(found) < count:
        draw = rng.random()
        text = (
            b"%d" % rng.randrange(-(1 << rng.randrange(1, 64)), 1 << rng.randrange(1, 64))
            if draw < 0.4
            else rng.randbytes(rng.randrange(longest))
            if draw < 0.7
            else b"abcab"[rng.randrange(5) :][:1] * rng.randrange(longest)
        )
        found[text] = None
    return list(found)


def values():
    """Commands that make keys of every type and encoding. Their names say what they hold."""
    rng = random.Random(2)
    for number, text in enumerate(TEXTS):
        yield ["SET", f"string:{number}", text]
    for count in (1, 2, 127, 128, 129, 600, 5000):
        some = texts(count, rng)
        yield ["RPUSH", f"list:{count}", *some]
        yield ["SADD", f"set:{count}", *some]
        yield ["HSET", f"hash:{count}", *itertools.chain(*zip(some, texts(count, rng)))]
        yield ["ZADD", f"zset:{count}", *itertools.chain(*zip(scores(count, rng), some))]
    for bits, count in ((15, 5), (31, 100), (63, 512), (20, 513), (63, 2000)):
        yield ["SADD", f"intset:{bits}:{count}", *(rng.randrange(-(1 << bits), 1 << bits) for _ in range(count))]
    yield ["SADD", "intset:edges", "-32768", "32767", "0", "-9223372036854775808", "9223372036854775807"]
    for number, text in enumerate(TEXTS):
        yield ["RPUSH", f"list:of:{number}", text, "1", text]
        yield ["SADD", f"set:of:{number}", text, "1"]
        yield ["HSET", f"hash:of:{number}", text, text, "f", text]
        yield ["ZADD", f"zset:of:{number}", "1.5", text, "2", "member"]
    yield ["ZADD", "zset:edges", "inf", "a", "-inf", "b", "0", "c", "-0.0", "d", "1e300", "e", "1e-300", "f", "0.1", "g", "3", "h",
           "9007199254740993", "i", "-4611686018427387904", "j", "17179869184.5", "k"]
    yield ["ZADD", "zset:same", *itertools.chain(*(("1", text) for text in texts(100, rng)))]


def scores(count, rng):
    return [rng.choice((rng.randrange(-1000, 1000), rng.uniform(-1e6, 1e6), rng.random(), 1e18, 3)) for _ in range(count)]


def same_state(pair, keys):
    """Both have the same keys, holding the same."""
    problem = pair.difference(list(pair.state_commands(keys, [0])))
    assert problem is None, problem
    problem = pair.difference([["OBJECT", "ENCODING", key] for key in keys])
    assert problem is None, problem


def exchange(pair, source, target):
    """Makes all values on the source, and on the target of the source's dumps; both have them then."""
    pair.reset()
    from_client, to_client = pair.clients[source], pair.clients[target]
    commands = list(values())
    keys = sorted({command[1] for command in commands})
    for command in commands:
        from_client(*command)
    for key in keys:
        equal(to_client("RESTORE", key, "0", from_client("DUMP", key)), "OK")
    same_state(pair, keys)
    # And the same of what was restored, which the server that made it takes back.
    for key in keys:
        equal(from_client("RESTORE", key, "0", to_client("DUMP", key), "REPLACE"), "OK")
    same_state(pair, keys)


@timeout(200)
def test_what_we_dump_redis_server_restores(ctx):
    exchange(Pair(ctx), 0, 1)


@timeout(200)
def test_what_redis_server_dumps_we_restore(ctx):
    exchange(Pair(ctx), 1, 0)


@timeout(200)
def test_without_compression(ctx):
    pair = Pair(ctx, "--rdbcompression", "no")
    exchange(pair, 0, 1)
    sizes = [len(client("DUMP", "string:23")) for client in pair.clients]
    equal(sizes[0], sizes[1])
    assert sizes[0] > 300000, sizes


def test_compression_can_be_switched(ctx):
    client = ctx.client()
    client("SET", "a", "x" * 1000)
    short = len(client("DUMP", "a"))
    client("CONFIG", "SET", "rdbcompression", "no")
    assert short < 100 < 1000 < len(client("DUMP", "a"))


@timeout(100)
def test_other_thresholds_choose_the_encodings(ctx):
    options = ("--hash-max-listpack-entries 3 --hash-max-listpack-value 5 --zset-max-listpack-entries 3 --zset-max-listpack-value 5 "
               "--set-max-intset-entries 3 --list-max-listpack-size 2").split()
    default, other = Pair(ctx), Pair(ctx, *options)
    commands = list(values())
    keys = sorted({command[1] for command in commands})
    for command in commands:
        default.clients[1](*command)
    for key in keys:
        dump = default.clients[1]("DUMP", key)
        for client in other.clients:
            equal(client("RESTORE", key, "0", dump), "OK")
    same_state(other, keys)


# ---- what older servers wrote ----


def old_values():
    rng = random.Random(3)
    for count in (1, 5, 128, 129, 512, 513, 1000):
        some = texts(count, rng, 60)
        pairs = list(zip(some, texts(count, rng, 60)))
        numbers = sorted({rng.randrange(-(1 << 40), 1 << 40) for _ in range(count)})
        ordered = sorted(zip(scores(count, rng), some), key=lambda pair: (float(pair[0]), pair[1]))
        by_text = [(member, b"%.17g" % score) for score, member in ordered]
        by_number = [(member, float(score)) for score, member in ordered]
        yield f"list_1:{count}", rdbtext.list_1(some)
        yield f"list_ziplist:{count}", rdbtext.list_ziplist(some)
        yield f"list_ziplist_wide:{count}", rdbtext.list_ziplist(some, wide=True)
        yield f"list_ziplist_uncounted:{count}", rdbtext.list_ziplist(some, count=65535)
        yield f"quicklist:{count}", rdbtext.quicklist([some[at : at + 7] for at in range(0, count, 7)])
        yield f"quicklist_2:{count}", rdbtext.quicklist_2([some[at : at + 7] if at % 2 else some[at] or b"plain" for at in range(0, count, 7)])
        yield f"set_2:{count}", rdbtext.set_2(some)
        yield f"set_intset:{count}", rdbtext.set_intset(numbers)
        yield f"set_intset_wide:{count}", rdbtext.set_intset(range(count), width=8)
        yield f"hash_4:{count}", rdbtext.hash_4(pairs)
        yield f"hash_ziplist:{count}", rdbtext.hash_ziplist(pairs)
        yield f"hash_zipmap:{count}", rdbtext.hash_zipmap(pairs)
        yield f"hash_zipmap_unused:{count}", rdbtext.hash_zipmap(pairs, unused=3)
        yield f"hash_listpack:{count}", rdbtext.hash_listpack(pairs)
        yield f"zset_3:{count}", rdbtext.zset_3(by_number)
        yield f"zset_5:{count}", rdbtext.zset_5(by_number)
        yield f"zset_ziplist:{count}", rdbtext.zset_ziplist(by_text)
        yield f"zset_listpack:{count}", rdbtext.zset_listpack(by_text)
    long = [b"x" * size for size in (63, 64, 252, 253, 254, 300, 16383, 16384, 70000)]
    yield "list_ziplist:long", rdbtext.list_ziplist(long + [b"1"] + long)
    yield "quicklist_2:long", rdbtext.quicklist_2([long, *long])
    yield "hash_zipmap:long", rdbtext.hash_zipmap([(text, text) for text in long])
    yield "hash_ziplist:long", rdbtext.hash_ziplist([(text, text) for text in long])
    yield "zset_3:infinite", rdbtext.zset_3([(b"a", -math.inf), (b"b", 0.0), (b"c", math.inf)])
    yield "zset_ziplist:infinite", rdbtext.zset_ziplist([(b"a", b"-inf"), (b"b", b"0"), (b"c", b"inf")])
    yield "numbers", rdbtext.list_ziplist([b"%d" % (sign * (1 << bits) + more) for bits in range(63) for sign in (1, -1) for more in (-1, 0, 1)])
    for bits, text in ((6, b"x"), (14, b"x" * 64), (32, b"x"), (64, b"x" * 100)):
        yield f"string:length:{bits}", rdbtext.payload(0, rdbtext.string(text, bits))
    for number in (0, -1, 127, -128, 128, 32767, -32768, 32768, 2147483647, -2147483648):
        yield f"string:integer:{number}", rdbtext.payload(0, rdbtext.integer(number))
    yield "string:lzf", rdbtext.payload(0, rdbtext.lzf(bytes(range(256)) * 3))
    yield "string:lzf:back", rdbtext.payload(0, rdbtext.lzf(b"a" * 264, b"\x00a\xe0\xfe\x00"))
    yield "set_2:length", rdbtext.payload(2, rdbtext.length(1, 64) + rdbtext.string(b"member", 32))


@group
@timeout(200)
def test_old_encodings(ctx):
    pair = Pair(ctx)
    for name, dump in old_values():
        pair.reset()
        yield name, pair.difference([["RESTORE", name, "0", dump]]) or pair.difference(list(pair.state_commands([name], [0])))


@only("gyre")
def test_encodings_of_later_versions(ctx):
    client = ctx.client()
    equal(client("RESTORE", "s", "0", rdbtext.set_listpack([b"a", b"1", b"-5000", b"b" * 100])), "OK")
    equal(sorted(client("SMEMBERS", "s")), sorted([b"a", b"1", b"-5000", b"b" * 100]))
    equal(client("OBJECT", "ENCODING", "s"), b"hashtable")
    equal(client("RESTORE", "i", "0", rdbtext.set_listpack([b"3", b"1", b"2"], 12)), "OK")
    equal(client("OBJECT", "ENCODING", "i"), b"intset")
    equal(client("RESTORE", "x", "0", rdbtext.set_listpack([b"a", b"b", b"a"])), "ERR Bad data format")
    equal(client("RESTORE", "x", "0", rdbtext.set_listpack([b"a"], 13)), "ERR DUMP payload version or checksum are wrong")


@only("gyre")
def test_what_no_server_writes_is_put_right(ctx):
    """Out of order, or integers as strings: taken, and made what it should be, so that every command finds what is there."""
    client = ctx.client()
    members = [(b"c", b"3"), (b"a", b"1"), (b"b", b"2"), (b"5", b"2")]
    for name, payload in (("listpack", rdbtext.zset_listpack(members)), ("ziplist", rdbtext.zset_ziplist(members)),
                          ("strings", rdbtext.zset_listpack(members, integers=False))):
        equal(client("RESTORE", name, "0", payload), "OK")
        equal(client("ZRANGE", name, "0", "-1"), [b"a", b"5", b"b", b"c"])
        equal(client("ZRANK", name, "5"), 1)
    equal(client("RESTORE", "h", "0", rdbtext.hash_listpack([(b"1", b"2"), (b"f", b"3")], integers=False)), "OK")
    equal(client("HGET", "h", "1"), b"2")
    equal(client("HINCRBY", "h", "1", "5"), 7)
    equal(client("HLEN", "h"), 2)


@only("gyre")
def test_damage_that_redis_server_may_overlook_is_refused(ctx):
    client = ctx.client()
    good = rdbtext.listpack([b"a", b"1", b"b", b"2"])
    twice = rdbtext.listpack([b"a", b"1", b"a", b"2"])
    for kind in (16, 17):
        equal(client("RESTORE", f"good:{kind}", "0", rdbtext.payload(kind, rdbtext.string(good))), "OK")
        for body in (twice, rdbtext.listpack([b"a", b"1", b"b"]), rdbtext.listpack([b"a", b"1"], count=3), good + b"x"):
            equal(client("RESTORE", "x", "0", rdbtext.payload(kind, rdbtext.string(body))), "ERR Bad data format")
    for score in (b"x", b"nan", b"", b"1x", b" 1"):
        equal(client("RESTORE", "x", "0", rdbtext.zset_listpack([(b"a", score)])), "ERR Bad data format")
    equal(client("RESTORE", "x", "0", rdbtext.payload(0, b"\x01xy")), "ERR Bad data format")
    equal(client("RESTORE", "x", "0", rdbtext.payload(11, rdbtext.string(rdbtext.intset([2, 1])))), "ERR Bad data format")
    equal(client("RESTORE", "x", "0", rdbtext.payload(2, rdbtext.length(1 << 40) + b"\x01a")), "ERR Bad data format")
    equal(client("RESTORE", "x", "0", rdbtext.payload(0, rdbtext.length(1 << 40))), "ERR Bad data format")
    equal(client("EXISTS", "x"), 0)


@timeout(200)
def test_bytes_changed_at_random(ctx):
    """Whatever comes, the reply is one of two, and the server lives; what it took can be read and deleted."""
    rng = random.Random(ctx.seed)
    client = ctx.client()
    payloads = [payload for _, payload in old_values() if len(payload) < 2000]
    taken = 0
    for _ in range(ctx.scaled(4000)):
        payload = bytearray(rng.choice(payloads)[:-10])
        for _ in range(rng.choice((1, 1, 2, 5))):
            at = rng.randrange(len(payload))
            payload[at] = rng.choice((rng.randrange(256), payload[at] ^ 1 << rng.randrange(8), 0, 255))
        reply = client("RESTORE", "x", "0", rdbtext.payload(payload[0], bytes(payload[1:])), "REPLACE")
        assert reply in ("OK", "ERR Bad data format"), reply
        if reply == "OK":
            taken += 1
            client("DUMP", "x")
            kind = client("TYPE", "x")
            read = {"list": ["LRANGE", "x", "0", "-1"], "set": ["SMEMBERS", "x"], "zset": ["ZRANGE", "x", "0", "-1", "WITHSCORES"], "hash": ["HGETALL", "x"]}
            client(*read.get(kind, ["GET", "x"]))
    assert taken > 0


# ---- around it ----


def test_serves_clients_that_wait_for_the_key(ctx):
    server = ctx.server()
    waiting, client = server.client(), server.client()
    waiting.send_command("BLPOP", "l", "0")
    eventually(lambda: b"blocked_clients:1" in client("INFO", "clients"))
    equal(client("RESTORE", "l", "0", rdbtext.quicklist_2([[b"a", b"b"]])), "OK")
    equal(waiting.read(), [b"l", b"a"])
    equal(client("LRANGE", "l", "0", "-1"), [b"b"])


def test_breaks_the_transaction_of_who_watches(ctx):
    server = ctx.server()
    client, other = server.client(), server.client()
    dump = rdbtext.payload(0, rdbtext.string(b"v"))
    for command in (("RESTORE", "k", "0", dump), ("RESTORE", "k", "0", dump, "REPLACE"), ("RESTORE", "k", "1", dump, "REPLACE", "ABSTTL")):
        client("WATCH", "k")
        equal(other(*command), "OK")
        client("MULTI")
        client("PING")
        equal(client("EXEC"), None)
