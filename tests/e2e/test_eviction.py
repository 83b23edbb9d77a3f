"""Eviction: what goes, what stays, and how near to the limit memory stays."""
import random

from harness import alone, equal, only, slow, timeout, variants
from resp import Error, Simple, encode
from test_connections import info

OOM = Error("OOM command not allowed when used memory > 'maxmemory'.")
POLICIES = ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "noeviction"]


def limited(ctx, policy, more_mb, *options):
    """A client of a server whose limit is that many MB above what it uses when empty."""
    client = ctx.server("--maxmemory-policy", policy, *options).client(timeout=60)
    used = int(info(client, "used_memory"))
    equal(client("CONFIG", "SET", "maxmemory", used + more_mb * (1 << 20)), Simple("OK"))
    return client


def fill(client, names, size, extra=()):
    """SETs all names to values of so many bytes; returns the replies."""
    replies = []
    for at in range(0, len(names), 500):
        replies += client.pipeline([["SET", name, "x" * size, *extra] for name in names[at : at + 500]])
    return replies


def present(client, names):
    return sum(client("EXISTS", *names[at : at + 1000]) for at in range(0, len(names), 1000))


def test_policies_can_be_set(ctx):
    client = ctx.client()
    for policy in POLICIES:
        equal(client("CONFIG", "SET", "maxmemory-policy", policy), Simple("OK"))
        equal(client("CONFIG", "GET", "maxmemory-policy"), [b"maxmemory-policy", policy.encode()])


def test_noeviction_refuses_writes_and_serves_reads(ctx):
    client = limited(ctx, "noeviction", 5)
    replies = fill(client, [f"k{i}" for i in range(10000)], 1000)
    equal(replies[0], Simple("OK"))
    equal(replies[-1], OOM)
    equal(set(replies), {Simple("OK"), OOM})
    limit = client("CONFIG", "GET", "maxmemory")[1]
    equal(client("CONFIG", "SET", "maxmemory", "1"), Simple("OK"))  # no longer a matter of a few bytes
    equal(client("GET", "k0"), b"x" * 1000)
    equal(client("APPEND", "k0", "x"), OOM)
    equal(client("MSET", "a", "1", "b", "2"), OOM)
    equal(client("CONFIG", "SET", "maxmemory", limit), Simple("OK"))
    equal(client("DEL", *[f"k{i}" for i in range(5000)]) > 1000, True)
    equal(client("SET", "again", "v"), Simple("OK"))


def test_there_is_room_right_after_a_flush(ctx):
    client = limited(ctx, "noeviction", 5)
    for flush in ("FLUSHALL", "FLUSHDB"):
        replies = fill(client, [f"k{i}" for i in range(10000)], 1000)
        equal(replies[-1], OOM)
        equal(client.pipeline([[flush], ["SET", "again", "v"]]), [Simple("OK"), Simple("OK")])


def test_nothing_is_evicted_during_a_pause(ctx):
    client = limited(ctx, "allkeys-lru", 5)
    fill(client, [f"k{i}" for i in range(3000)], 1000)
    count = client("DBSIZE")
    equal(client("CLIENT", "PAUSE", "100000", "WRITE"), Simple("OK"))
    equal(client("CONFIG", "SET", "maxmemory", "1"), Simple("OK"))
    equal(client("GET", "k2999"), b"x" * 1000)
    equal(client("DBSIZE"), count)
    equal(client("CLIENT", "UNPAUSE"), Simple("OK"))
    client("GET", "k2999")
    equal(client("DBSIZE") < count, True)


@timeout(120)
def test_every_policy_makes_room(ctx):
    """Twice as much is written as fits. Volatile policies get keys with times to live to choose from."""
    names = [f"key:{i}" for i in range(12000)]
    for policy in POLICIES[:-1]:
        client = limited(ctx, policy, 6)
        replies = fill(client, names, 1000, ("EX", "10000") if policy.startswith("volatile") else ())
        equal(set(replies), {Simple("OK")}, policy)
        left = present(client, names)
        assert 2000 < left < 7000, f"{policy}: {left} keys left"
        # Counting them takes memory too, for which a few more may have to go.
        assert abs(int(info(client, "evicted_keys")) - (len(names) - left)) < 100, policy
        limit = int(client("CONFIG", "GET", "maxmemory")[1])
        used = int(info(client, "used_memory"))
        assert used <= limit * 1.01 + 100000, f"{policy}: {used} of {limit}"


def test_volatile_policies_spare_what_has_no_time_to_live(ctx):
    for policy in ("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"):
        client = limited(ctx, policy, 6)
        lasting, passing = [f"lasting:{i}" for i in range(2000)], [f"passing:{i}" for i in range(10000)]
        fill(client, lasting, 1000)
        equal(set(fill(client, passing, 1000, ("EX", "10000"))), {Simple("OK")}, policy)
        equal(present(client, lasting), 2000, f"{policy}: keys without a time to live")
        equal(client("DEL", *passing) > 0, True)
        replies = fill(client, [f"more:{i}" for i in range(6000)], 1000)
        equal(replies[-1], OOM, f"{policy} with nothing to evict")


def test_volatile_ttl_takes_the_soonest(ctx):
    client = limited(ctx, "volatile-ttl", 6)
    soon, late = [f"soon:{i}" for i in range(2500)], [f"late:{i}" for i in range(2500)]
    fill(client, soon, 1000, ("EX", "1000"))
    fill(client, late, 1000, ("EX", "100000"))
    fill(client, [f"new:{i}" for i in range(1500)], 1000, ("EX", "1000000"))
    left = present(client, soon), present(client, late)
    assert left[0] < left[1] * 0.75, f"{left[0]} of the soon ones and {left[1]} of the late ones are left"


@timeout(120)
def test_lru_and_lfu_keep_what_is_used(ctx):
    for policy in ("allkeys-lru", "allkeys-lfu"):
        client = limited(ctx, policy, 8, "--maxmemory-samples", "10")
        used, unused = [f"used:{i}" for i in range(1500)], [f"unused:{i}" for i in range(4000)]
        fill(client, used + unused, 1000)
        for _ in range(30):
            client.pipeline([["GET", name] for name in used])
        # Redis's clock for LRU ticks once a second: what is used has to be used later than what is not.
        if policy == "allkeys-lru":
            client("DEBUG", "SLEEP", "1.2")
            client.pipeline([["GET", name] for name in used])
        for at in range(0, 4000, 500):
            fill(client, [f"new:{at + i}" for i in range(500)], 1000)
            client.pipeline([["GET", name] for name in used])
        kept = present(client, used) / len(used), present(client, unused) / len(unused)
        assert kept[0] > 0.85 and kept[0] > kept[1] + 0.3, f"{policy}: kept {kept[0]:.0%} of the used, {kept[1]:.0%} of the rest"


@only("gyre")
@alone
@slow
@variants("release")
@timeout(120)
def test_memory_stays_within_a_hundredth_of_the_limit(ctx):
    """Under write load from several connections, with values of many sizes."""
    client = limited(ctx, "allkeys-lru", 200)
    limit = int(client("CONFIG", "GET", "maxmemory")[1])
    server = ctx.servers[0]
    clients = [server.client(timeout=60) for _ in range(8)]
    rng = random.Random(ctx.seed)
    highest = written = 0
    while written < 1 << 30:
        for number, one in enumerate(clients):
            batch = [(rng.randrange(1 << 30), rng.choice((10, 100, 1000, 5000, 20000))) for _ in range(100)]
            written += sum(size for _, size in batch)
            one.send(b"".join(encode("SET", f"k{number}:{key}", b"x" * size) for key, size in batch))
        for one in clients:
            equal(one.read_bytes(500), b"+OK\r\n" * 100)
        highest = max(highest, int(info(client, "used_memory", "memory")))
    assert highest <= limit * 1.01, f"used {highest} of {limit}: {highest / limit - 1:.2%} above"
    assert highest >= limit * 0.9, f"used {highest} of {limit} only"


def test_object_freq_and_idletime(ctx):
    client = limited(ctx, "allkeys-lfu", 50)
    client("SET", "k", "v")
    first = client("OBJECT", "FREQ", "k")
    for _ in range(300):
        client("GET", "k")
    assert client("OBJECT", "FREQ", "k") > first
    equal(isinstance(client("OBJECT", "IDLETIME", "k"), Error), True)
    client("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    equal(isinstance(client("OBJECT", "FREQ", "k"), Error), True)
    client("SET", "k", "v")
    equal(client("OBJECT", "IDLETIME", "k") <= 2, True)
