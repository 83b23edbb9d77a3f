"""Keyspace notifications: the same commands to gyre-server and to redis-server, with every class on.

The client that sends the commands is subscribed to all events itself (RESP3), so what is compared is the very
stream of bytes: which events, in which order, and where among the replies. Every case of the differential
tests runs this way.
"""
import random

from casetext import LATER, LATER_MS, case
from clients import OK, connect
from compare import Pair, same, shown
from harness import equal, eventually, group, timeout
from random_commands import Generator
from resp import Push, encode, parse
from test_differential import modules

EVERYTHING = "KEA"
MISSES_AND_NEW = "KEAmn"
# What would end the subscription or the protocol, hide replies, or stop the clock.
LEFT_OUT = {
    "hello",
    "reset",
    "quit",
    "monitor",
    "client",
    "subscribe",
    "psubscribe",
    "ssubscribe",
    "unsubscribe",
    "punsubscribe",
    "sunsubscribe",
    "publish",
    "spublish",
    "pubsub",
    "shutdown",
    "debug",
    "auth",
}
# A SCAN by type looks at keys past their time, and misses them, if they are still there.
LEFT_OUT_AT_RANDOM = LEFT_OUT | {"scan"}


def is_expiry(item):
    """When a key past its time is found is no fair question to ask two processes: it has tests of its own."""
    value = parse(item)[0]
    return isinstance(value, Push) and (value[2].endswith(b":expired") or value[3] == b"expired")


EXPIRED = b"\r\n$7\r\nexpired\r\n"


def without_expiries(stream):
    """Takes the pushes about expiry out of replies in the midst of which they were sent: SORT tells of keys as it reads them."""
    kept, at = b"", 0
    while (found := stream.find(EXPIRED, at)) >= 0:
        begin = stream.rfind(b">4\r\n$8\r\npmessage\r\n", at, found)
        assert begin >= 0, f"an event that is no push: {stream!r}"
        kept += stream[at:begin]
        _, at = parse(stream, found + len(EXPIRED))  # the same event once more, told by its name
    return kept + stream[at:]


class Listener:
    """A pair of clients that listen to all events and send commands."""

    def __init__(self, pair, classes):
        self.pair, self.classes, self.number = pair, classes, 0
        self.begin()

    def begin(self):
        self.pair.reset(3)
        self.queuing = False
        for client in self.pair.clients:
            equal(client("CONFIG", "SET", "notify-keyspace-events", self.classes), OK)
            assert isinstance(client("PSUBSCRIBE", "__key*__:*"), Push)

    def heard(self, command):
        """Everything that each server says to a command, raw, pushes and reply."""
        self.number += 1
        marker = f"mark{self.number}".encode()
        both = []
        word = str(command[0]).upper() if command else ""
        self.queuing = word not in ("EXEC", "DISCARD") and (self.queuing or word == "MULTI")
        if self.queuing:  # then the marker would be queued as well, but nothing happens to keys either
            return [[raw] for raw in self.pair.exchange([command])[0][1:]]
        for client in self.pair.clients:
            client.send(encode(*command) + encode("ECHO", marker))
            said = []
            while parse((item := client.raw()))[0] != marker:
                if not is_expiry(item):
                    said.append(item)
            both.append(said)
        return both

    def difference(self, commands):
        for number, command in enumerate(commands):
            ours, theirs = self.heard(command)
            alike = len(ours) == len(theirs) and all(
                a == b or (a[:1] != b">" and b[:1] != b">" and same(command, a, b))
                for a, b in zip(ours, theirs)
            )
            if alike:
                continue
            ours, theirs = without_expiries(b"".join(ours)), without_expiries(b"".join(theirs))
            if ours != theirs:
                return f"{command!r} (command {number + 1})\n  expected {shown(theirs)}\n   but got {shown(ours)}"
        return None


def is_left_out(commands, words_left_out=frozenset(LEFT_OUT)):
    words = {
        str(command[0].decode() if isinstance(command[0], bytes) else command[0]).lower()
        for command in commands
        if command
    }
    return bool(words & words_left_out)


@group
@timeout(300)
def test_events_of_all_cases(ctx):
    listener = Listener(Pair(ctx), MISSES_AND_NEW)
    for module_name, module in modules():
        for name, commands in module.CASES.items():
            if is_left_out(commands):
                continue
            try:
                listener.begin()
                problem = listener.difference(commands)
            except Exception as error:  # pylint: disable=broad-except
                problem = f"{type(error).__name__}: {error}"
                listener = Listener(Pair(ctx), MISSES_AND_NEW)
            yield f"{module_name}.{name}", problem


CASES = {
    "strings": case(
        f"""
        SET k v
        SET k v EX 100
        SET k v PXAT {LATER_MS}
        SET k v KEEPTTL
        SET k w NX
        SET none w XX
        SET k w XX GET
        SET fresh w GET
        SET gone v PXAT 1
        SET k v PXAT 1
        SETNX k 1
        SETNX k 2
        SETEX k 100 v
        PSETEX k 100000 v
        GETSET k w
        GETSET unborn w
        GETEX k
        GETEX k EX 100
        GETEX k PERSIST
        GETEX k PERSIST
        GETEX k PXAT 1
        GETEX k
        GETDEL unborn
        GETDEL unborn
        MSET a 1 b 2 a 3
        MSETNX a 1 z 1
        MSETNX y 1 z 1
        MGET a b nothing nothing
        STRLEN nothing
        GETRANGE nothing 0 1
        SUBSTR a 0 0
        APPEND a 1
        APPEND fresh2 1
        SETRANGE a 3 xyz
        SETRANGE fresh3 3 xyz
        SETRANGE fresh4 3 ""
        INCR n
        INCRBY n 5
        DECR n
        DECRBY n 3
        INCRBYFLOAT n 1.5
        INCRBYFLOAT f 1.5
        INCR a
        LCS a b
        LCS nothing b
        """
    ),
    "keys": case(
        """
        MSET a 1 b 2 c 3
        DEL a a b nothing
        UNLINK c nothing
        DEL nothing
        SET a 1
        SET b 2
        RENAME a b
        RENAME b b
        RENAME nothing b
        RENAMENX b c
        RENAMENX c c
        SET d 1
        RENAMENX c d
        RENAMENX nothing e
        COPY c d
        COPY c d REPLACE
        COPY c e
        COPY nothing e
        COPY c e DB 1
        COPY c e DB 1 REPLACE
        MOVE c 1
        SET c 2
        MOVE c 1
        MOVE nothing 1
        SELECT 1
        GET c
        GET nothing
        DEL c
        SELECT 0
        SWAPDB 0 1
        GET e
        EXISTS e nothing nothing
        TYPE nothing
        TYPE e
        TOUCH e nothing
        OBJECT ENCODING nothing
        OBJECT REFCOUNT nothing
        OBJECT IDLETIME nothing
        TTL nothing
        PTTL nothing
        EXPIRETIME nothing
        KEYS *
        RANDOMKEY
        DBSIZE
        MEMORY USAGE nothing
        COMMAND GETKEYS GET nothing
        FLUSHDB
        FLUSHALL
        """
    ),
    "expiry": case(
        f"""
        SET k v
        EXPIRE k 100
        EXPIRE k 50 GT
        EXPIRE k 50 NX
        EXPIRE nothing 100
        PEXPIRE k 100000
        EXPIREAT k {LATER}
        PEXPIREAT k {LATER_MS}
        PERSIST k
        PERSIST k
        PERSIST nothing
        EXPIRE k -1
        SET k v
        EXPIREAT k 1
        SET k v
        PEXPIRE k 0
        """
    ),
    "bits": case(
        """
        SETBIT b 7 1
        SETBIT b 7 1
        GETBIT nothing 1
        BITCOUNT nothing
        BITPOS nothing 1
        BITOP AND d b nothing
        BITOP OR d b b
        BITOP NOT nothing2 nothing
        BITOP OR d nothing nothing
        BITFIELD f SET u8 0 5 INCRBY u8 0 3
        BITFIELD f GET u8 0
        BITFIELD nothing GET u8 0
        BITFIELD_RO nothing GET u8 0
        BITFIELD f OVERFLOW FAIL INCRBY u8 0 255
        """
    ),
}


@group
@timeout(120)
def test_events(ctx):
    listener = Listener(Pair(ctx), MISSES_AND_NEW)
    for name, commands in CASES.items():
        for classes in (EVERYTHING, MISSES_AND_NEW):
            listener.classes = classes
            listener.begin()
            yield f"{name}.{classes}", listener.difference(commands)


def test_each_class_alone(ctx):
    """A class is told with K, with E, and not without either."""
    listener = Listener(Pair(ctx), MISSES_AND_NEW)
    commands = CASES["strings"] + CASES["keys"]
    for letter in "g$lshzxetdmnA":
        for where in ("K", "E", "KE", ""):
            listener.classes = letter + where
            listener.begin()
            problem = listener.difference(commands)
            assert problem is None, f"{letter}{where}: {problem}"


def test_classes_as_config_shows_them(ctx):
    pair = Pair(ctx)
    chance = random.Random(ctx.seed)
    letters = "Ag$lshzxeKEtmdn"
    sets = ["", *letters, letters, "?", "KE?", "A A"] + [
        "".join(chance.sample(letters, chance.randrange(1, 12))) for _ in range(300)
    ]
    commands = [
        c
        for some in sets
        for c in (
            ["CONFIG", "SET", "notify-keyspace-events", some],
            ["CONFIG", "GET", "notify-keyspace-events"],
        )
    ]
    problem = pair.difference(commands, 50)
    assert problem is None, problem


@timeout(300)
def test_events_of_random_commands(ctx):
    """A look at all that a command names comes before it: what is past its time is gone then, wherever it had stayed."""
    listener = Listener(Pair(ctx), MISSES_AND_NEW)
    for round_number in range(ctx.scaled(24)):
        commands = Generator(random.Random(ctx.seed + round_number)).commands(400)
        commands = [
            command for command in commands if command and not is_left_out([command], LEFT_OUT_AT_RANDOM)
        ]
        listener.begin()
        problem = listener.difference([each for command in commands for each in (("EXISTS", *command), command)])
        assert problem is None, f"seed {ctx.seed + round_number}: {problem}"


def test_expired_keys_are_told(ctx):
    """By whoever finds them: a reader, or nobody but the server itself."""
    pair = Pair(ctx)
    for server in pair.servers:
        listener, client = server.client(), server.client()
        client("CONFIG", "SET", "notify-keyspace-events", "Exm")
        listener("PSUBSCRIBE", "__key*__:*")
        client("SELECT", 3)
        client("SET", "unread", 1, "PX", 20)
        equal([part for part in listener.read()][2:], [b"__keyevent@3__:expired", b"unread"])
        client("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        client("SET", "read", 1, "PX", 20)
        eventually(lambda: client("GET", "read") is None)
        equal(listener.read()[2:], [b"__keyevent@3__:expired", b"read"])
        equal(listener.read()[2:], [b"__keyevent@3__:keymiss", b"read"])


def test_evicted_keys_are_told(ctx):
    server = ctx.server()
    listener, client = connect(server, 2)
    client("CONFIG", "SET", "notify-keyspace-events", "Ee")
    listener("SUBSCRIBE", "__keyevent@0__:evicted")
    used = int(
        dict(line.split(":", 1) for line in client("INFO", "memory").decode().split("\r\n") if ":" in line)[
            "used_memory"
        ]
    )
    client("CONFIG", "SET", "maxmemory-policy", "allkeys-random", "maxmemory", used + (4 << 20))
    gone = set()
    for number in range(3000):
        client("SET", f"k{number}", "x" * 5000)
    evicted = int(
        dict(line.split(":", 1) for line in client("INFO", "stats").decode().split("\r\n") if ":" in line)[
            "evicted_keys"
        ]
    )
    assert evicted > 0
    for _ in range(evicted):
        event = listener.read()
        equal(event[:2], [b"message", b"__keyevent@0__:evicted"])
        gone.add(event[2])
    equal(len(gone), evicted, "each key once")
    equal(client("EXISTS", *gone), 0)


def test_a_reader_finds_what_an_event_told(ctx):
    """An event comes after its change: who hears of it and reads sees it, on whatever shard."""
    server = ctx.server()
    listener, reader, *writers = connect(server, 6)
    writers[0]("CONFIG", "SET", "notify-keyspace-events", "E$")
    listener("SUBSCRIBE", "__keyevent@0__:set")
    for number in range(ctx.scaled(400)):
        writers[number % 4].send_command("SET", f"key{number}", number)
        equal(listener.read()[2], f"key{number}".encode())
        equal(reader("GET", f"key{number}"), str(number).encode())
    for number, writer in enumerate(writers):
        while writer.buffer or number < 0:
            writer.read()
