"""What commands tell those who follow: the same commands on gyre-server and redis-server, each with an append-only file,
must leave the same commands in it.

Compared word for word, but for: times that a server worked out itself (within a few seconds), members drawn by chance, and
MULTI and EXEC around what a push and the client it serves did (one entry here, two in Redis; the order is the same).
"""
import pathlib
import time

from casetext import LATER, LATER_MS
from harness import equal, eventually, timeout
from resp import Client

AOF = ("--appendonly", "yes", "--appendfsync", "always", "--save", "", "--enable-debug-command", "yes")
NEAR_MS = 20_000


def aof_commands(data):
    """The commands of an append-only file."""
    at, commands = 0, []
    while at < len(data):
        end = data.index(b"\r\n", at)
        if data[at : at + 1] == b"#":
            at = end + 2
            continue
        words, count = [], int(data[at + 1 : end])
        at = end + 2
        for _ in range(count):
            end = data.index(b"\r\n", at)
            length = int(data[at + 1 : end])
            words.append(data[end + 2 : end + 2 + length])
            at = end + 2 + length + 2
        commands.append(words)
    return commands


class Log:
    """A server with an append-only file, and what has been added to it."""

    def __init__(self, server):
        self.server, self.client = server, server.client()
        self.seen = 0

    def path(self):
        return sorted(pathlib.Path(self.server.folder).rglob("*.incr.aof"))[-1]

    def news(self, mark):
        """Everything since the last call. The mark, written last, shows that all of it is there."""
        self.client("SET", mark, "1")
        eventually(lambda: mark.encode() in self.path().read_bytes()[self.seen :], what="the mark in the file")
        data = self.path().read_bytes()
        fresh, self.seen = data[self.seen :], len(data)
        commands = [words for words in aof_commands(fresh) if mark.encode() not in words]
        # Which database was selected last depends on what came before.
        return commands[1:] if commands and commands[0][0] == b"SELECT" and commands[0][1] == b"0" else commands


def is_time(word):
    return len(word) == 13 and word.isdigit()


def same_word(a, b):
    return a == b or (is_time(a) and is_time(b) and abs(int(a) - int(b)) < NEAR_MS)


def same(ours, theirs):
    if len(ours) != len(theirs):
        return False
    for a, b in zip(ours, theirs):
        if a[0] == b[0] == b"SREM" and len(a) == len(b):
            continue  # a member drawn by chance; those that were named are compared by what follows
        if len(a) != len(b) or not all(same_word(x, y) for x, y in zip(a, b)):
            return False
    return True


def flat(commands):
    return [words for words in commands if words[0] not in (b"MULTI", b"EXEC")]


# Each line is run on empty databases after its preparation ("|" between commands).
LINES = f"""
SET a 1
set a 1
SET a 1 EX 100
SET a 1 PX 100000 GET
SET a 1 EXAT {LATER}
SET a 1 PXAT {LATER_MS}
SET a 1 PXAT {LATER_MS} GET
SET a 1 | SET a 2 KEEPTTL GET XX
SET a 1 | SET a 2 NX | SET a 3 GET | SET a 4 NX GET | SET b 1 XX | SET b 2 NX EX 100
SETNX a 1 | SETNX a 2
GETSET a 1 | GETSET a 2
SET a 1 | GETEX a | GETEX a EX 100 | GETEX a PERSIST | GETEX a PERSIST | GETEX a PXAT {LATER_MS} | GETEX a EXAT 1 | GETEX a EX 1
SET a 1 | GETDEL a | GETDEL a
SETEX a 100 v | PSETEX a 100000 v
MSET a 1 b 2 | MSETNX a 1 c 2 | MSETNX c 1 d 2
APPEND a x | APPEND a "" | SETRANGE a 1 "" | SETRANGE a 3 xyz | SETRANGE b 0 ""
INCR n | DECR n | INCRBY n 5 | DECRBY n 3 | INCR x y
SET n 1 | INCRBYFLOAT n 1.5 | EXPIRE n 100 | INCRBYFLOAT n -3e2
HINCRBYFLOAT h f 1.5 | HINCRBYFLOAT h f 2 | HINCRBY h g 3
SET a 1 | EXPIRE a 100 | EXPIRE a 100 NX | EXPIRE a 1000 GT | PEXPIRE a 5000 LT | EXPIREAT a {LATER} | PEXPIREAT a {LATER_MS} XX
SET a 1 | EXPIRE a 100 | PERSIST a | PERSIST a | EXPIRE a -1 | EXPIRE a 10
SET a 1 | PEXPIREAT a 1 | SET a 1 | EXPIREAT a 0
SET a 1 | DEL a b | DEL a | UNLINK a | SET a 1 | UNLINK a
SET a 1 | RENAME a b | RENAME b b | RENAMENX b c | SET d 1 | RENAMENX c d | RENAME c d
SET a 1 | COPY a b | COPY a b | COPY a b REPLACE | COPY a a DB 3 | MOVE a 3 | MOVE a 4 | MOVE zz 4
SET a 1 | SELECT 5 | SET a 2 | SWAPDB 0 5 | SWAPDB 5 5 | SELECT 0
FLUSHALL | FLUSHDB | SET a 1 | FLUSHDB ASYNC | FLUSHALL SYNC
TOUCH a | EXISTS a | TYPE a | GET a | OBJECT ENCODING a
SETBIT a 3 1 | SETBIT a 3 1 | BITFIELD a GET u8 0 | BITFIELD a SET u8 0 3 INCRBY i5 4 1 | BITOP NOT b a | BITOP AND c zz
BITFIELD a OVERFLOW FAIL INCRBY u2 0 4
RPUSH l a b c | LPUSH l x | LPUSHX m x | RPUSHX l y | LINSERT l BEFORE a q | LINSERT l AFTER zz q | LSET l 0 w | LREM l 0 a | LREM l 0 a
RPUSH l a b c d e f | LPOP l | RPOP l | LPOP l 2 | LPOP l 0 | LPOP m | LTRIM l 0 -1 | LTRIM l 1 0
RPUSH l a b c d e f | LMOVE l m LEFT RIGHT | RPOPLPUSH l m | LMOVE zz m LEFT LEFT | RPOPLPUSH m m | LMPOP 2 zz l LEFT | LMPOP 1 l RIGHT COUNT 9
RPUSH l a b c d e f g | BLPOP zz l 1 | BRPOP l 1 | BLMOVE l m LEFT RIGHT 1 | BRPOPLPUSH l m 1 | BLMPOP 1 2 zz l LEFT COUNT 2
SADD s 1 2 3 | SADD s 1 | SREM s 1 9 | SREM s 9 | SMOVE s t 2 | SMOVE s t 9 | SMOVE s s 3 | SREM s 3
SADD s 1 2 3 4 5 6 7 8 9 | SPOP s | SPOP s 3 | SPOP s 0 | SPOP s 99 | SPOP s | SPOP s 3
SADD s 1 2 3 | SADD t 2 3 4 | SINTERSTORE d s t | SUNIONSTORE d s t | SDIFFSTORE d s s | SDIFFSTORE d s s
HSET h a 1 b 2 | HSET h a 1 | HSETNX h a 2 | HSETNX h c 2 | HMSET h d 1 | HINCRBY h n 1 | HDEL h a zz | HDEL h zz | HDEL h b c d n
ZADD z 1 a 2 b 3 c | ZADD z 1 a | ZADD z XX 5 q | ZADD z INCR 2 a | ZADD z NX INCR 2 a | ZINCRBY z 1.5 b | ZREM z a zz | ZREM z zz
ZADD z 1 a 2 b 3 c 4 d 5 e 6 f | ZPOPMIN z | ZPOPMAX z 2 | ZPOPMIN z 0 | ZMPOP 2 zz z MIN | ZMPOP 1 z MAX COUNT 9 | ZPOPMIN z
ZADD z 1 a 2 b 3 c 4 d 5 e 6 f | BZPOPMIN zz z 1 | BZPOPMAX z 1 | BZMPOP 1 1 z MIN COUNT 2
ZADD z 1 a 2 b 3 c 4 d | ZREMRANGEBYRANK z 0 0 | ZREMRANGEBYRANK z 9 10 | ZREMRANGEBYSCORE z 2 2 | ZREMRANGEBYLEX z - +
ZADD z 1 a 2 b | ZADD y 3 c | ZUNIONSTORE d 2 z y | ZINTERSTORE d 2 z y | ZDIFFSTORE d 2 z y | ZRANGESTORE d z 0 -1 | ZRANGESTORE d z 5 6
RPUSH l 3 1 2 | SORT l STORE d | SORT l | SORT zz STORE d | SORT zz STORE d
MULTI | EXEC
MULTI | GET a | EXEC
MULTI | SET a 1 | EXEC
MULTI | SET a 1 | GET a | INCR a | SELECT 7 | SET b 1 | SELECT 0 | EXEC
MULTI | SET a x | INCR a | LPUSH a 1 | EXEC
MULTI | SET a 1 | DISCARD
MULTI | RPUSH l 1 2 3 | BLPOP l 0 | LMPOP 1 l LEFT | SPOP s | EXEC
PUBLISH channel message
SET a 1 PX 30 | !sleep | GET a
SET a 1 PX 30 | !sleep | INCR a | GET a
SET a 1 PX 30 | SET b 1 PX 30 | !sleep | MGET a b c
SET a 1 PX 30 | !sleep | MULTI | EXISTS a | SET a 2 | EXEC
SET a 1 PX 30 | !sleep | DEL a | RENAME a b
CONFIG SET lazyfree-lazy-expire yes | SET a 1 PX 30 | !sleep | GET a | SET a 1 | EXPIRE a -1 | SET a 1 | GETEX a PXAT 1 | CONFIG SET lazyfree-lazy-expire no
CONFIG SET lazyfree-lazy-user-del yes | SET a 1 | GETDEL a | SET a 1 | DEL a | SADD s 1 | SPOP s 1 | CONFIG SET lazyfree-lazy-user-del no
CONFIG SET lazyfree-lazy-server-del yes | SET a 1 | SET b 1 | RENAME a b | SADD s 1 | SPOP s 1 | CONFIG SET lazyfree-lazy-server-del no
"""


def words_of(text):
    return [word if word != '""' else "" for word in text.split()]


def run_line(logs, line, number):
    for log in logs:
        log.client("FLUSHALL")
        log.news(f"mark-a-{number}")
    for text in line.split(" | "):
        if text.startswith("!sleep"):
            time.sleep(0.06)
            continue
        for log in logs:
            log.client(*words_of(text))
    return [log.news(f"mark-b-{number}") for log in logs]


@timeout(120)
def test_effects_are_those_of_redis(ctx):
    servers = [ctx.server(*AOF), ctx.oracle(*AOF)]
    logs = [Log(server) for server in servers]
    for log in logs:
        log.client("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    problems = []
    for number, line in enumerate(LINES.strip().splitlines()):
        ours, theirs = run_line(logs, line, number)
        if not same(ours, theirs):
            problems.append(f"{line}\n   expected {theirs!r}\n    but got {ours!r}")
    if problems:
        raise AssertionError("\n".join(problems))


@timeout(60)
def test_waiting_clients_follow_the_push_that_serves_them(ctx):
    servers = [ctx.server(*AOF), ctx.oracle(*AOF)]
    logs = [Log(server) for server in servers]
    cases = [
        (["BLPOP", "l", "0"], ["RPUSH", "l", "1", "2"]),
        (["BRPOP", "l", "0"], ["RPUSH", "l", "1", "2"]),
        (["BLMOVE", "l", "m", "LEFT", "RIGHT", "0"], ["RPUSH", "l", "1"]),
        (["BRPOPLPUSH", "l", "m", "0"], ["RPUSH", "l", "1"]),
        (["BLMPOP", "0", "1", "l", "LEFT", "COUNT", "3"], ["RPUSH", "l", "1", "2"]),
        (["BZPOPMIN", "z", "0"], ["ZADD", "z", "1", "a", "2", "b"]),
        (["BZPOPMAX", "z", "0"], ["ZADD", "z", "1", "a", "2", "b"]),
        (["BZMPOP", "0", "1", "z", "MAX", "COUNT", "5"], ["ZADD", "z", "1", "a", "2", "b"]),
    ]
    for number, (wait, push) in enumerate(cases):
        for log in logs:
            log.client("FLUSHALL")
            log.news(f"mark-a-{number}")
            with Client(log.server.port, timeout=20) as waiter:
                waiter.send_command(*wait)
                eventually(lambda: b"blocked_clients:1" in log.client("INFO", "clients"), what="a blocked client")
                log.client(*push)
                waiter.read()
        ours, theirs = [log.news(f"mark-b-{number}") for log in logs]
        equal(flat(ours), flat(theirs), wait[0])
        equal([ours[0][0], ours[-1][0]], [b"MULTI", b"EXEC"], f"{wait[0]}: one entry")


@timeout(60)
def test_expired_keys_are_deleted_in_the_file(ctx):
    log = Log(ctx.server(*AOF))
    for i in range(100):
        log.client("SET", f"k{i}", "v", "PX", "20")
    eventually(lambda: log.client("DBSIZE") == 0, what="all keys expired")
    commands = log.news("mark")
    equal(sum(words[0] == b"DEL" for words in commands), 100)
    equal(sum(words[0] == b"MULTI" for words in commands), 0)


@timeout(60)
def test_evicted_keys_are_deleted_in_the_file(ctx):
    log = Log(ctx.server(*AOF, "--maxmemory-policy", "allkeys-random"))
    value = "v" * 1000
    for i in range(3000):
        log.client("SET", f"k{i}", value)
    used = int([line for line in log.client("INFO", "memory").split(b"\r\n") if line.startswith(b"used_memory:")][0].split(b":")[1])
    log.client("CONFIG", "SET", "maxmemory", str(used - 1_000_000))
    for i in range(50):
        log.client("SET", f"x{i}", value)
    left = log.client("DBSIZE")
    commands = log.news("mark")
    log.client("CONFIG", "SET", "maxmemory", "0")
    dropped = sum(words[0] == b"DEL" for words in commands)
    assert abs((3000 + 50 - dropped) - left) <= 5, (dropped, left)
