"""Sends the same commands to the server under test and to redis-server, and compares what they answer.

Replies are compared byte for byte, except for what cannot be the same on two servers. Those exceptions are the table
LOOSE and nothing else:

    order        KEYS, SCAN and CONFIG GET list in table order, which Redis does not promise: they are compared as sets.
                 (SCAN only when both sides were done in one call, and began with cursor 0.)
    order        SMEMBERS, SINTER, SUNION, SDIFF, SSCAN and ZSCAN likewise, and HGETALL, HKEYS, HVALS and HSCAN.
    choice       RANDOMKEY: any key will do, so only "a key" or "none" is compared. SPOP, SRANDMEMBER, HRANDFIELD,
                 ZRANDMEMBER: only how many.
    time         TTL, PTTL, EXPIRETIME, PEXPIRETIME, OBJECT IDLETIME may differ by what passed between the two servers'
                 runs of a command; TIME, LASTSAVE differ altogether.
    identity     HELLO's id, version and modules; CLIENT ID, INFO, LIST and TRACKINGINFO; INFO; LOLWUT; COMMAND and COMMAND
                 COUNT, DOCS, LIST, INFO (the sets of commands differ); MEMORY USAGE, STATS, DOCTOR and
                 DEBUG (the memory of two different programs); SLOWLOG and LATENCY; HELP texts: only the type is compared.
    sharing      OBJECT REFCOUNT: Redis shares small integers, which shows in that number.

An error is always compared byte for byte, whatever the command.
"""
from resp import Client, Error, Map, Push, Set, encode, parse

NEAR_MS = 3000


def shape(value):
    """Only the type of a reply (and whether it is null)."""
    return "null" if value is None else "push" if isinstance(value, Push) else type(value).__name__


def unordered(value):
    if isinstance(value, (list, Set)):
        return [type(value).__name__, sorted(value, key=repr)]
    return value


def pairs(value):
    """Names with their values, in any order; RESP2 has them in a flat list."""
    if isinstance(value, Map):
        return ["Map", sorted(value)]
    return ["list", sorted(zip(value[::2], value[1::2]))] if isinstance(value, list) else value


class Scanned:
    """A SCAN's answer. How far one call comes depends on the table, so only complete answers can be compared."""

    def __init__(self, value):
        self.value = value
        self.complete = isinstance(value, list) and len(value) == 2 and value[0] == b"0"

    def __eq__(self, other):
        if self.complete and other.complete:
            return self.elements() == other.elements()
        return shape(self.value) == shape(other.value)

    def elements(self):
        return unordered(self.value[1])


class ScannedPairs(Scanned):
    """Likewise, of names with their values."""

    def elements(self):
        return pairs(self.value[1])


class Near:
    """A number that may be off by as much. -1 and -2 (no expiry, no key) and 0 have to be exact."""

    def __init__(self, value, slack):
        self.value, self.slack = value, slack

    def __eq__(self, other):
        if not isinstance(self.value, int) or min(self.value, other.value) <= 0:
            return self.value == other.value
        return abs(self.value - other.value) <= self.slack

    def __repr__(self):
        return f"about {self.value!r}"


def drawn(value):
    return [shape(value), len(value), {shape(one) for one in value}] if isinstance(value, (list, Set)) else shape(value)


def near_seconds(value):
    return Near(value, NEAR_MS // 1000)


def near_ms(value):
    return Near(value, NEAR_MS)


def greeting(value):
    """HELLO: names and order of the fields, and the values that do not tell which server this is."""
    fields = list(value) if isinstance(value, Map) else list(zip(value[::2], value[1::2]))
    same = (b"server", b"proto", b"mode", b"role")
    return [type(value).__name__, [(name, content if name in same else shape(content)) for name, content in fields]]


LOOSE = {
    "KEYS": unordered,
    "CONFIG GET": pairs,
    "SCAN": Scanned,
    "SMEMBERS": unordered,
    "SINTER": unordered,
    "SUNION": unordered,
    "SDIFF": unordered,
    "SSCAN": Scanned,
    "SPOP": drawn,
    "SRANDMEMBER": drawn,
    "ZSCAN": Scanned,
    "ZRANDMEMBER": drawn,
    "HGETALL": pairs,
    "HKEYS": unordered,
    "HVALS": unordered,
    "HSCAN": ScannedPairs,
    "HRANDFIELD": drawn,
    "RANDOMKEY": shape,
    "TTL": near_seconds,
    "PTTL": near_ms,
    "EXPIRETIME": near_seconds,
    "PEXPIRETIME": near_ms,
    "OBJECT IDLETIME": near_seconds,
    "OBJECT REFCOUNT": shape,
    "HELLO": greeting,
}
LOOSE.update(
    dict.fromkeys(
        """TIME|LASTSAVE|INFO|LOLWUT|CLIENT ID|CLIENT INFO|CLIENT LIST|CLIENT TRACKINGINFO|COMMAND|COMMAND COUNT|COMMAND DOCS|
        COMMAND LIST|COMMAND INFO|COMMAND HELP|CLIENT HELP|CONFIG HELP|OBJECT HELP|DEBUG HELP|MEMORY HELP|SLOWLOG HELP|
        LATENCY HELP|MEMORY USAGE|MEMORY STATS|MEMORY DOCTOR|DEBUG OBJECT|DEBUG SDSLEN|DEBUG HTSTATS|SLOWLOG GET|SLOWLOG LEN|
        LATENCY HISTORY|LATENCY LATEST|LATENCY HISTOGRAM|LATENCY DOCTOR|LATENCY GRAPH""".replace("\n", "").replace(" " * 8, "").split("|"),
        shape,
    )
)


def is_by_nothing(command):
    """BY a pattern without a star: then a set comes in no order. What the random commands sort so is named `sorted`, and no set."""
    words = [as_text(word) for word in command[1:]]
    return words[0] != "sorted" and any(a.upper() == "BY" and "*" not in b for a, b in zip(words[1:], words[2:]))


def loosened(command):
    """The function of LOOSE for a command, or None when replies must be the same bytes."""
    words = [as_text(word).upper() for word in command[:2]]
    if words[0] == "SCAN" and words[1:] != ["0"]:
        return shape
    if words[0] in ("SSCAN", "HSCAN", "ZSCAN") and [as_text(word) for word in command[2:3]] != ["0"]:
        return shape
    if words[0] in ("SORT", "SORT_RO") and is_by_nothing(command):
        return unordered
    return LOOSE.get(" ".join(words)) or (LOOSE.get(words[0]) if words else None)


def as_text(word):
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)


def same(command, ours, theirs):
    """Whether two raw replies to a command count as equal."""
    if ours == theirs:
        return True
    judge = loosened(command)
    if judge is None:
        return False
    a, b = parse(ours)[0], parse(theirs)[0]
    if isinstance(a, Error) or isinstance(b, Error):
        return False
    return judge(a) == judge(b)


def shown(reply):
    return repr(reply if len(reply) <= 400 else reply[:300] + b"... %d bytes" % len(reply))


class Pair:
    """The server under test and the oracle, with a connection to each."""

    def __init__(self, ctx, *options):
        self.servers = [ctx.server(*options), ctx.oracle(*options)]
        self.clients = []
        self.connect()

    def connect(self, protocol=2):
        for client in self.clients:
            client.close()
        self.clients = [Client(server.port, timeout=30) for server in self.servers]
        if protocol == 3:
            for client in self.clients:
                client("HELLO", "3")

    def reset(self, protocol=2):
        """Empty servers and new connections."""
        self.connect()
        for client in self.clients:
            client("FLUSHALL")
        self.connect(protocol)

    def exchange(self, commands):
        """Sends the commands as one pipeline to both. Gives (command, our reply, their reply) for each, raw."""
        data = b"".join(encode(*command) for command in commands)
        for client in self.clients:
            client.send(data)
        return [(command, self.clients[0].raw(), self.clients[1].raw()) for command in commands]

    def difference(self, commands, pipeline=1):
        """Runs commands in pipelines of that many; the first difference as text with what led to it, or None."""
        done = []
        for at in range(0, len(commands), pipeline):
            for command, ours, theirs in self.exchange(commands[at : at + pipeline]):
                done.append(command)
                if not same(command, ours, theirs):
                    return f"{command!r} (command {len(done)})\n  expected {shown(theirs)}\n   but got {shown(ours)}"
        return None

    def state_commands(self, keys, databases):
        """Commands that read all there is about these keys."""
        for database in databases:
            yield ["SELECT", database]
            yield ["EXISTS", *keys]
            yield ["KEYS", "*"]
            for key in keys:
                for command in (["TYPE"], ["OBJECT", "ENCODING"], ["GET"], ["SMEMBERS"], ["HGETALL"], ["PTTL"]):
                    yield [*command, key]
                yield ["LRANGE", key, "0", "-1"]
                yield ["ZRANGE", key, "0", "-1", "WITHSCORES"]
