"""A base in form of commands (aof-use-rdb-preamble no): as redis-server writes it, of one instant, of every type and size."""
import pathlib
import shutil
import subprocess
import threading

from fixture import ROOT, server_environment
from harness import contains, equal, eventually, only, timeout
from resp import Client
from test_aof import folder, info, restarted
from test_dump import values

ON = ("--appendonly", "yes", "--aof-use-rdb-preamble", "no", "--save", "")
ELEMENTS_PER_COMMAND = 64
PAIRS = (b"HMSET", b"ZADD")


def base(server):
    found = list(folder(server).glob("*.base.aof"))
    equal(len(found), 1, f"files of {folder(server)}: {[path.name for path in folder(server).iterdir()]}")
    return found[0]


def commands(data):
    """The commands of a file."""
    at = 0
    while at < len(data):
        end = data.index(b"\r\n", at)
        assert data[at:at + 1] == b"*", data[at:at + 80]
        count, at, words = int(data[at + 1:end]), end + 2, []
        for _ in range(count):
            end = data.index(b"\r\n", at)
            assert data[at:at + 1] == b"$", data[at:at + 80]
            length, at = int(data[at + 1:end]), end + 2
            words.append(data[at:at + length])
            equal(data[at + length:at + length + 2], b"\r\n")
            at += length + 2
        yield words


def contents(data):
    """What a base makes of each key, whatever the order where there is none; each command is checked."""
    database, made = None, {}
    for name, *words in commands(data):
        if name == b"SELECT":
            database = words[0]
            continue
        key, elements = (database, words[0]), words[1:]
        known = made.setdefault(key, [name, [], None])
        if name == b"PEXPIREAT":
            known[2] = elements
            continue
        equal(known[0], name)
        assert known[2] is None, "PEXPIREAT comes last"
        width = 2 if name in PAIRS else 1
        assert 0 < len(elements) <= ELEMENTS_PER_COMMAND * width and len(elements) % width == 0, words[:3]
        if name == b"SET":
            equal((len(elements), known[1]), (1, []))
        known[1] += [tuple(elements[i:i + width]) for i in range(0, len(elements), width)]
    for known in made.values():
        if known[0] == b"ZADD":
            known[1] = [(float(score), member) for score, member in known[1]]
        if known[0] in (b"SADD", *PAIRS):
            known[1].sort()
    return made


def rewritten(client):
    before = int(info(client, "aof_rewrites"))
    contains(str(client("BGREWRITEAOF")), "started")
    eventually(lambda: int(info(client, "aof_rewrites")) > before and info(client, "aof_rewrite_in_progress") == "0",
               30, "the end of the rewrite")
    equal(info(client, "aof_last_bgrewrite_status"), "ok")


def fill(client):
    for command in values():
        client(*command)
    for i in range(0, 100000, 500):
        client("ZADD", "zset:large", *[word for n in range(i, i + 500) for word in (n / 7, f"member {n}")])
        client("HSET", "hash:large", *[word for n in range(i, i + 500) for word in (f"field {n}", n)])
        client("RPUSH", "list:large", *[f"element {n}" for n in range(i, i + 500)])
    client("RPUSH", "list:of:blobs", "a" * 3_000_000, 1, "b" * 40_000, "")
    client("SET", "string:large", "x" * 20_000_000, "EX", 100000)
    client("EXPIRE", "zset:large", 200000)
    client("SELECT", 9)
    client("HSET", "elsewhere", "f", "v" * 50_000)
    client("PEXPIREAT", "elsewhere", 4102444800000)
    client("SETBIT", "bits", 100, 1)
    client("SELECT", 0)


@only("gyre")
@timeout(120)
def test_a_base_as_redis_writes_it(ctx):
    ours, theirs = ctx.server(*ON), ctx.oracle(*ON)
    client, oracle = ours.client(), theirs.client()
    fill(client)
    rewritten(client)
    digest = client("DEBUG", "DIGEST")
    data = base(ours).read_bytes()
    client("SET", "after", "the base")
    for program in ([str(ROOT / "build" / ctx.variant / "gyre-server"), "--check-aof"], ["redis-check-aof"]):
        done = subprocess.run([*program, str(folder(ours) / "appendonly.aof.manifest")], capture_output=True, text=True,
                              env=server_environment(), timeout=60, check=False)
        equal(done.returncode, 0, done.stdout)
    whole = client("DEBUG", "DIGEST")
    ours.stop()
    theirs.stop()
    shutil.rmtree(folder(theirs))
    shutil.copytree(folder(ours), folder(theirs))
    oracle = restarted(theirs)
    equal(oracle("DEBUG", "DIGEST"), whole, "redis-server, from our files")
    oracle("DEL", "after")
    equal(oracle("DEBUG", "DIGEST"), digest)
    rewritten(oracle)
    mine, its = contents(data), contents(base(theirs).read_bytes())
    equal(sorted(mine), sorted(its))
    for key, value in its.items():
        assert mine[key] == value, f"{key}: {str(mine[key])[:300]}\nas redis-server has it: {str(value)[:300]}"
    equal(restarted(ours)("DEBUG", "DIGEST"), whole, "from our own files")
    ours.stop()
    theirs.stop()
    shutil.rmtree(folder(ours))
    shutil.copytree(folder(theirs), folder(ours))
    equal(restarted(ours)("DEBUG", "DIGEST"), digest, "gyre-server, from the files of redis-server")


@only("gyre")
@timeout(90)
def test_a_base_is_of_one_instant(ctx):
    """Counters, their doubles, and a large value that clients change meanwhile: the base alone shows one moment of them."""
    server, over, made = ctx.server(*ON), [], [0] * 4
    with server.client() as client:
        for i in range(0, 60000, 500):
            client("RPUSH", "list", *[f"element {n}" for n in range(i, i + 500)])
            client.pipeline([("SET", f"filler:{n}", "x" * 20) for n in range(i, i + 500)])

    def write(number):
        with Client(server.port, timeout=60) as client:
            while not over:
                for n in range(10):
                    client.pipeline([("MULTI",), ("INCR", f"once:{number}:{n}"), ("INCRBY", f"twice:{number}:{n}", 2),
                                     ("RPUSH", "list", "more"), ("SADD", f"set:{number}", n), ("INCR", f"all:{number}"), ("EXEC",)])
                    made[number] += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    client = server.client()
    try:
        for _ in range(4 if not ctx.quick else 2):
            eventually(lambda at_least=sum(made) + 100: sum(made) > at_least, 20, "writes")
            rewritten(client)
            found = contents(base(server).read_bytes())
            words = {key[1].decode(): value[1] for key, value in found.items()}
            single = sum(int(words[key][0][0]) for key in words if key.startswith("once:"))
            equal(sum(int(words[key][0][0]) for key in words if key.startswith("twice:")), 2 * single)
            equal(sum(int(words[key][0][0]) for key in words if key.startswith("all:")), single)
            equal(len(words["list"]) - 60000, single)
            equal(sum(1 for key in words if key.startswith("filler:")), 60000)
    finally:
        over.append(True)
        for thread in threads:
            thread.join()
    digest = client("DEBUG", "DIGEST")
    server.stop()
    equal(restarted(server)("DEBUG", "DIGEST"), digest)


@only("gyre")
@timeout(60)
def test_the_form_is_chosen_at_each_base(ctx):
    server = ctx.server(*ON, "--aof-timestamp-enabled", "yes")
    client = server.client()
    equal(base(server).read_bytes()[:4], b"#TS:")
    client("SET", "a", 1)
    client("CONFIG", "SET", "aof-use-rdb-preamble", "yes", "aof-timestamp-enabled", "no")
    rewritten(client)
    equal([path.name.split(".")[-2:] for path in folder(server).glob("*.base.*")], [["base", "rdb"]])
    client("CONFIG", "SET", "aof-use-rdb-preamble", "no")
    client("SET", "a", 2)
    rewritten(client)
    equal(base(server).read_bytes(), b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n")
    client("FLUSHALL")
    client("CONFIG", "SET", "appendonly", "no")
    eventually(lambda: info(client, "aof_enabled") == "0", what="off")
    client("CONFIG", "SET", "appendonly", "yes")
    eventually(lambda: info(client, "aof_rewrite_in_progress") == "0" and info(client, "aof_enabled") == "1", what="on")
    equal(base(server).read_bytes(), b"")
    client("SET", "b", 1)
    server.stop()
    equal(restarted(server)("KEYS", "*"), [b"b"])
    assert not pathlib.Path(server.folder, "dump.rdb").exists()
