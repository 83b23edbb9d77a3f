"""Channels, shard channels, patterns: word for word as redis-server, and in one order over several shards."""
import time

from clients import OK, PONG, connect, lines
from compare import Pair, same, shown
from harness import contains, equal, eventually, group, timeout
from resp import Closed, Error, encode

# Who says what: a and b listen (in the protocol under test), p publishes. After every line everything that
# anybody has been told is compared.
CONVERSATIONS = {
    "channels": """
        a SUBSCRIBE x y x
        b SUBSCRIBE y
        p PUBLISH x one
        p PUBLISH y two
        p PUBLISH z three
        p PUBLISH x ""
        p PUBSUB NUMSUB x y z x
        a UNSUBSCRIBE x
        p PUBLISH x four
        a UNSUBSCRIBE x
        a UNSUBSCRIBE nothing y
        p PUBLISH y five
        b UNSUBSCRIBE
        b UNSUBSCRIBE
        p PUBLISH y six
        p PUBSUB CHANNELS
        """,
    "patterns": r"""
        a PSUBSCRIBE news.*
        b PSUBSCRIBE news.?
        a SUBSCRIBE news.a
        p PUBLISH news.a hello
        p PUBLISH news.bb hello
        p PUBLISH news hello
        p PUBSUB NUMPAT
        p PUBSUB CHANNELS
        a PSUBSCRIBE news.*
        a PUNSUBSCRIBE news.*
        a PUNSUBSCRIBE news.*
        b PSUBSCRIBE * [a-c]x \* ""
        p PUBSUB NUMPAT
        b PUNSUBSCRIBE * ""
        p PUBLISH * star
        p PUBLISH ax hello
        p PUBLISH dx hello
        p PUBLISH "" hello
        b PUNSUBSCRIBE news.? [a-c]x
        b PUNSUBSCRIBE
        b PUNSUBSCRIBE
        """,
    "shard channels": """
        a SSUBSCRIBE x
        a SUBSCRIBE x
        b SSUBSCRIBE x y
        p SPUBLISH x one
        p PUBLISH x two
        p SPUBLISH z three
        p PUBSUB SHARDNUMSUB x y z
        p PUBSUB SHARDNUMSUB
        p PUBSUB SHARDCHANNELS x
        p PUBSUB SHARDCHANNELS ?x
        p PUBSUB CHANNELS
        p PUBSUB NUMSUB x
        a PSUBSCRIBE *
        p SPUBLISH x four
        a SUNSUBSCRIBE x
        a SUNSUBSCRIBE x
        b SUNSUBSCRIBE nothing y x
        b SUNSUBSCRIBE
        a UNSUBSCRIBE x
        a PUNSUBSCRIBE
        p PUBSUB SHARDCHANNELS
        """,
    "what a subscriber may say": """
        a SUBSCRIBE x
        a PING
        a PING hello
        a PING hello there
        a GET k
        a SET k
        a NONSENSE
        a PUBLISH x me
        a PUBSUB NUMPAT
        a CLIENT ID x
        a ECHO hello
        a CONFIG GET timeout
        a MULTI
        a EXEC
        a DISCARD
        a WATCH k
        a UNSUBSCRIBE x
        a PING
        a PING hello
        a GET k
        a SSUBSCRIBE s
        a GET k
        a SUNSUBSCRIBE
        a GET k
        a PSUBSCRIBE p
        a GET k
        a RESET
        a PING
        a GET k
        p PUBLISH x hello
        p PUBSUB CHANNELS
        """,
    "subscribing in a transaction": """
        a MULTI
        a SUBSCRIBE x
        a GET k
        a PING
        a PUBLISH x hey
        a PSUBSCRIBE *
        a PUBLISH x hey
        a EXEC
        a PING
        a GET k
        p MULTI
        p PUBLISH x one
        p PUBLISH x two
        p PUBSUB NUMSUB x
        p EXEC
        a UNSUBSCRIBE
        a PUNSUBSCRIBE
        """,
    "errors": """
        p PUBLISH x
        p PUBLISH x y z
        p SPUBLISH x
        p PUBSUB
        p PUBSUB NONSENSE
        p PUBSUB CHANNELS a b
        p PUBSUB SHARDCHANNELS a b
        p PUBSUB NUMPAT a
        p PUBSUB NUMSUB
        p PUBSUB HELP
        p PUBSUB HELP x
        a SUBSCRIBE
        a PSUBSCRIBE
        a SSUBSCRIBE
        p COMMAND GETKEYS SPUBLISH x y
        p COMMAND GETKEYS SSUBSCRIBE x y
        p COMMAND GETKEYS PUBLISH x y
        """,
    "silence": """
        a CLIENT REPLY OFF
        a SUBSCRIBE x
        p PUBLISH x one
        a UNSUBSCRIBE x
        a SSUBSCRIBE x
        a SUNSUBSCRIBE x
        a CLIENT REPLY ON
        """,
    "one silence": """
        a SUBSCRIBE x
        p PUBLISH x one
        p CLIENT REPLY SKIP
        p PUBLISH x two
        p PUBLISH x three
        a UNSUBSCRIBE x
        a CLIENT REPLY SKIP
        a SUBSCRIBE y
        """,
    "the end": """
        a SUBSCRIBE x
        b SUBSCRIBE x
        p PUBLISH x one
        a QUIT
        p PUBLISH x two
        """,
}
ALONE = {  # with RESP3 only: one who listens to himself
    "himself": """
        a SUBSCRIBE x
        a PUBLISH x me
        a PSUBSCRIBE x*
        a UNSUBSCRIBE x
        a PUBLISH x me
        b SUBSCRIBE x
        a PUBLISH x both
        a SSUBSCRIBE s
        a SPUBLISH s me
        a CLIENT REPLY SKIP
        a PUBLISH x muted
        a HELLO 2
        a PING
        p PUBLISH x now
        a HELLO 3
        a PUNSUBSCRIBE x*
        """,
    "transactions": """
        a SUBSCRIBE x
        a MULTI
        a PUBLISH x one
        a SET k v
        a PUBLISH x two
        a EXEC
        p MULTI
        p PUBLISH x three
        p SUBSCRIBE y
        p PUBLISH y four
        p GET k
        p EXEC
        p PING
        b MULTI
        b SUBSCRIBE x
        b UNSUBSCRIBE
        b EXEC
        b PING
        """,
}


class Talk:
    """The same people at both servers."""

    def __init__(self, pair, protocol):
        self.number, self.speaker, self.queuing = 0, None, set()
        self.people = {}
        for name in "abp":
            self.people[name] = [server.client(timeout=10) for server in pair.servers]
            if protocol == 3 and name != "p":
                for client in self.people[name]:
                    client("HELLO", "3")

    def close(self):
        for clients in self.people.values():
            for client in clients:
                client.close()

    def queues(self, name, words):
        """While somebody's commands are queued, so would be a PING: then only the one reply is read."""
        self.speaker = name
        if words == ["MULTI"]:
            self.queuing.add(name)
        elif words == ["EXEC"]:
            self.queuing.discard(name)

    def heard(self, client, name):
        """What it has been told by now: up to the answer of a PING, which a subscriber may send as well."""
        marker = b"mark%d" % self.number
        if name in self.queuing:
            return [client.raw()] if name == self.speaker else []
        said = []
        try:
            client.send(encode("PING", marker))
            while marker not in (item := client.raw()):
                said.append(item)
        except (Closed, ConnectionError):
            said.append(b"closed")
        return said

    def difference(self, script):
        for line in script.strip().splitlines():
            name, command = line.strip().split(" ", 1)
            words = [word.replace('""', "") for word in command.split(" ")]
            self.number += 1
            off = self.is_off(name, words)
            silent = words[:2] == ["CLIENT", "REPLY"] and words[2] != "ON"
            for client in self.people[name]:
                client.send(encode(*words))
            if self.off:
                time.sleep(0.1)
            self.queues(name, words)
            order = sorted(
                self.people, key=lambda other: other != name
            )  # who spoke first: then it has been done
            for other in [] if off or silent else order:
                ours, theirs = (self.heard(client, other) for client in self.people[other])
                if len(ours) != len(theirs) or not all(same(words, a, b) for a, b in zip(ours, theirs)):
                    ours, theirs = shown(b"".join(ours)), shown(b"".join(theirs))
                    return f"{line.strip()!r}: {other} expected {theirs}\n   but got {ours}"
        return None

    off = None

    def is_off(self, name, words):
        """While CLIENT REPLY is off nobody answers PING: what is pushed meanwhile is read when it is on again."""
        if words[:3] == ["CLIENT", "REPLY", "OFF"]:
            self.off = name
        if words[:3] == ["CLIENT", "REPLY", "ON"]:
            self.off = None
        return self.off is not None


@group
@timeout(120)
def test_conversations(ctx):
    pair = Pair(ctx)
    for protocol in (2, 3):
        for name, script in (CONVERSATIONS | (ALONE if protocol == 3 else {})).items():
            talk = Talk(pair, protocol)
            try:
                problem = talk.difference(script)
            except Exception as error:  # pylint: disable=broad-except
                problem = f"{type(error).__name__}: {error}"
            talk.close()
            yield f"{name}.resp{protocol}", problem


def test_unsubscribing_from_all(ctx):
    """In whatever order: each name once, the count falling to zero."""
    client = ctx.client()
    for word, first in (("", 0), ("p", 0), ("s", 0)):
        names = [f"{word}{number}".encode() for number in range(100)]
        for number, name in enumerate(names):
            equal(client(f"{word}subscribe", name), [f"{word}subscribe".encode(), name, first + number + 1])
        client.send_command(f"{word}unsubscribe")
        told = [client.read() for _ in names]
        equal([count for _, _, count in told], list(range(99, -1, -1)))
        equal(sorted(name for _, name, _ in told), sorted(names))
    equal(client("ECHO", "x"), b"x")


def test_what_others_see(ctx):
    server = ctx.server()
    admin, listener, other = connect(server, 3)
    one = listener("CLIENT", "ID")
    listener("SUBSCRIBE", "a")
    listener("SUBSCRIBE", "b")
    listener("PSUBSCRIBE", "c*")
    listener("SSUBSCRIBE", "d")
    seen = lines(admin, "ID", one)[0]
    equal([seen[field] for field in ("flags", "sub", "psub", "ssub")], ["P", "2", "1", "1"])
    equal([line["id"] for line in lines(admin, "TYPE", "pubsub")], [str(one)])
    assert str(one) not in [line["id"] for line in lines(admin, "TYPE", "normal")]
    stats = admin("INFO", "stats").decode()
    for field in ("pubsub_channels:2", "pubsub_patterns:1", "pubsubshard_channels:1"):
        contains(stats, field)
    equal(admin("CLIENT", "KILL", "TYPE", "pubsub"), 1)
    assert listener.closed()
    eventually(
        lambda: "pubsub_channels:0" in admin("INFO", "stats").decode(), what="the end of the subscriptions"
    )
    equal(admin("PUBLISH", "a", "x"), 0)
    equal(other("PING"), PONG)
    equal(admin("PUBSUB", "CHANNELS"), [])
    equal(admin("PUBSUB", "NUMPAT"), 0)


def test_a_monitor_does_not_publish(ctx):
    client = ctx.client()
    equal(client("MONITOR"), OK)
    for word in ("PUBLISH", "SPUBLISH"):
        equal(client(word, "c", "m"), Error("ERR Replica can't interact with the keyspace"))


def test_a_pause_of_writes_is_one_of_publishing(ctx):
    server = ctx.server()
    admin, listener, publisher = connect(server, 3)
    listener("SUBSCRIBE", "c")
    admin("CLIENT", "PAUSE", 100000, "WRITE")
    publisher.send_command("PUBLISH", "c", "m")
    listener.send_command("PING", "still")
    equal(listener.read(), [b"pong", b"still"])
    equal(admin("GET", "k"), None)
    admin("CLIENT", "UNPAUSE")
    equal(publisher.read(), 1)
    equal(listener.read(), [b"message", b"c", b"m"])


def test_subscribers_are_not_idle(ctx):
    server = ctx.server("--timeout", "1")
    listener, idle = connect(server, 2)
    listener("SUBSCRIBE", "a")
    assert idle.closed(timeout=10)
    listener.send_command("PING")
    equal(listener.read(), [b"pong", b""])


def test_a_reader_finds_what_was_written_before_a_publish(ctx):
    server = ctx.server()
    writer, listener, reader = connect(server, 3)
    listener("SUBSCRIBE", "c")
    for number in range(ctx.scaled(500)):
        writer.send(encode("SET", f"k{number}", number) + encode("PUBLISH", "c", number))
        equal(listener.read(), [b"message", b"c", b"%d" % number])
        equal(reader("GET", f"k{number}"), b"%d" % number)
        equal([writer.read(), writer.read()], [OK, 1])
