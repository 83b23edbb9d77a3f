"""Trees of servers, mixed of gyre-server and redis-server: one root, two below it, four below them. They hold the same at the same
offset, and go on partially after whatever happens to links and nodes, for as long as the backlog has what is missing.
"""
import random
import time

from harness import alone, equal, eventually, only, slow, timeout
from tree import Node, Readers, Writers, full_syncs, wait_until_alike


def plant(ctx, kinds):
    """1 → 2 → 4."""
    nodes = [Node(ctx, kind, f"{number}:{kind}") for number, kind in enumerate(kinds)]
    for number, node in enumerate(nodes[1:], 1):
        node.follow(nodes[(number - 1) // 2])
    wait_until_alike(nodes)
    return nodes


def below(nodes, node):
    """A node and all that follow it, directly or not."""
    found = {node}
    for _ in nodes:
        found |= {other for other in nodes if other.parent in found}
    return found


def cut_a_link(nodes, rng, _writers):
    rng.choice(nodes).front.cut()


def restart_a_leaf(nodes, rng, _writers):
    parents = {node.parent for node in nodes}
    rng.choice([node for node in nodes if node not in parents]).restart()


def restart_in_the_middle(nodes, rng, _writers):
    middle = [node for node in nodes if node.parent and any(other.parent is node for other in nodes)]
    if middle:
        rng.choice(middle).restart()


def hang_elsewhere(nodes, rng, writers):
    """A node that is ahead of those it asks gets everything anew from a stock server: so not before both are level."""
    node = rng.choice([node for node in nodes if node.parent])
    parent = rng.choice([other for other in nodes if other not in below(nodes, node)])
    writers.pause()
    wait_until_alike([node, parent])
    node.follow(parent)
    writers.go_on()


def promote(nodes, rng, writers):
    """As a failover under control goes: nobody writes until the new root has everything."""
    root = next(node for node in nodes if node.parent is None)
    chosen = rng.choice([node for node in nodes if node.parent is root])
    writers.pause()
    wait_until_alike([root, chosen])
    chosen.follow(None)
    for node in nodes:
        if node is root or node.parent is root:
            node.follow(chosen)
    writers.go_on(chosen)


EVENTS = (cut_a_link, cut_a_link, restart_a_leaf, restart_in_the_middle, hang_elsewhere, promote)


def grow(ctx, kinds, count, events=EVENTS):
    rng = random.Random(ctx.seed)
    nodes = plant(ctx, kinds)
    writers = Writers(nodes[0], seed=ctx.seed, pace_s=0.005)
    readers = Readers(nodes[1:], writers)
    for _ in range(count):
        served = {node: int(node.info("sync_full")) for node in nodes}
        before = {node: node.server.pid for node in nodes}
        event = rng.choice(events)
        print(f"{event.__name__}, root {writers.root.name}")
        event(nodes, rng, writers)
        time.sleep(rng.random() * 0.5)
        writers.pause()
        wait_until_alike(nodes)
        for node in nodes:
            known = served[node] if node.server.pid == before[node] else 0
            equal(int(node.info("sync_full")), known, f"full syncs served by {node.name} after {event.__name__}")
        writers.go_on()
    writers.stop()
    readers.stop()
    wait_until_alike(nodes)
    assert full_syncs(nodes) <= len(nodes) - 1, "what happened was partial"
    assert min(writers.written) > count
    for node in nodes:
        node.close()


@only("redis")
@alone
@slow
@timeout(240)
def test_a_tree_of_one_kind(ctx):
    grow(ctx, [ctx.target] * 7, ctx.scaled(4))


@only("gyre")
@alone
@timeout(240)
def test_a_tree_of_gyre(ctx):
    grow(ctx, ["gyre"] * 7, ctx.scaled(4))


@only("gyre")
@alone
@slow
@timeout(240)
def test_a_mixed_tree(ctx):
    grow(ctx, ["gyre", "redis", "gyre", "gyre", "redis", "redis", "gyre"], ctx.scaled(4))


@only("gyre")
@alone
@slow
@timeout(240)
def test_a_mixed_tree_below_redis(ctx):
    grow(ctx, ["redis", "gyre", "redis", "redis", "gyre", "gyre", "redis"], ctx.scaled(4))


@only("gyre")
def test_what_a_tree_tells_of_itself(ctx):
    """How many nodes are below each, and how far behind they are."""
    nodes = plant(ctx, ["gyre", "gyre", "gyre", "gyre", "redis", "gyre", "gyre"])
    root = nodes[0]
    with root.client() as client:
        client("SET", "k", "v")
        wait_until_alike(nodes)

        def fields(node=root):
            return [dict(part.split("=") for part in node.info(f"slave{n}").split(",")) for n in (0, 1)]

        eventually(lambda: [f["below"] for f in fields()] == ["2", "2"], 5, "the nodes below")
        eventually(lambda: [(f["lag_bytes"], f["lag_ms"]) for f in fields()] == [("0", "0")] * 2, 5, "no lag")
        nodes[1].front.silence(True)
        nodes[2].front.silence(True)
        root.front.silence(True)
        client("SET", "k", "w")
        time.sleep(0.5)
        for f in fields():
            assert int(f["lag_bytes"]) > 0 and 300 <= int(f["lag_ms"]) < 5000, f
    for node in nodes:
        node.front.heal()
    wait_until_alike(nodes)
    with nodes[1].client() as client:
        lines = client("CLIENT", "LIST", "TYPE", "master").decode().splitlines()
        equal(len(lines), 1)
        line = dict(field.split("=", 1) for field in lines[0].split(" "))
        equal([line["flags"], line["addr"]], ["M", f"127.0.0.1:{root.front.port}"])
        equal(client("CLIENT", "LIST").decode().count("flags=M "), 1)
        equal(client("CLIENT", "KILL", "TYPE", "master"), 1)
    eventually(nodes[1].is_linked, 10, "the link again")
    wait_until_alike(nodes)
    equal(full_syncs(nodes), 6)
    for node in nodes:
        node.close()
