"""The contract's third point, by recording: whoever reads a replica, at any depth, sees states that the primary was in, in their
order. gyre-history (tests/history/replicas.c) writes at the primary as fast as it is answered, reads at all of a chain, and
judges, while links are cut and replicas get everything anew. `make checker-demo` shows that it finds replicas that apply half a
transaction or leave something out.

GYRE_HISTORY_SECONDS=600 makes each of the long runs so long; without it they are left out.
"""
import os
import pathlib
import random
import subprocess
import threading
import time

from fixture import ROOT
from harness import alone, eventually, only, slow, timeout, variants
from tree import Node, wait_until_alike

CLIENT = pathlib.Path(ROOT) / "build" / "release" / "gyre-history"
LONG_S = int(os.environ.get("GYRE_HISTORY_SECONDS", "0"))
KEPT = ("16kb", "64mb")  # by turns: with the first of these a replica that comes back finds too little
FILLERS = 20_000
TOO_LITTLE = "1mb"  # for the old data and the new: a replica that must not use more throws the old away first


class Trouble:
    """Cuts links, and takes care that some of those cut off have to get everything anew, until stop()."""

    def __init__(self, nodes, seed, swaps):
        self.problems, self.cuts, self._nodes, self._over = [], 0, nodes, False
        self._rng, self._swaps = random.Random(seed), swaps
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _once(self):
        rng, upper = self._rng, len(self._nodes) - 1
        chosen = self._nodes[self.cuts % upper]
        with chosen.client() as client:
            client("CONFIG", "SET", "repl-backlog-size", KEPT[self.cuts // upper % len(KEPT)])
            if rng.random() < 0.1 and chosen.parent is None:
                client("DEBUG", "CHANGE-REPL-ID")
        if self._swaps:
            with rng.choice(self._nodes[1:]).client() as client:
                client("CONFIG", "SET", "repl-diskless-load", rng.choice(("disabled", "swapdb")))
                client("CONFIG", "SET", "maxmemory", rng.choice((0, TOO_LITTLE)))
        if rng.random() < 0.3:
            chosen.front.cut_at("down", rng.randrange(3_000_000))
        chosen.front.cut()
        self.cuts += 1
        time.sleep(rng.random() * 0.3)
        chosen.front.heal()
        if self.cuts % 4:  # otherwise the next cut comes while there is no link yet, or a dump is on its way
            eventually(lambda: self._over or all(node.is_linked() for node in self._nodes), 30, "the links")
        time.sleep(0.1 + rng.random() * 0.4)

    def _run(self):
        try:
            time.sleep(0.5)
            while not self._over:
                self._once()
        except Exception as error:  # pylint: disable=broad-except
            self.problems.append(error)

    def stop(self):
        self._over = True
        self._thread.join()
        assert not self.problems, self.problems


def chain(ctx, kinds, *options):
    nodes = [Node(ctx, kind, f"{number}:{kind}", *(options if kind == "gyre" else ())) for number, kind in enumerate(kinds)]
    with nodes[0].client() as client:
        client("DEBUG", "POPULATE", ctx.scaled(FILLERS), "filler", 100)
    for upper, node in zip(nodes, nodes[1:]):
        node.follow(upper)
    wait_until_alike(nodes)
    return nodes


def moves_seen(report):
    """Of each node: in how many of its views its clock had gone on."""
    return [int(line.split(" views, ")[1].split()[0]) for line in report.splitlines() if line.startswith("  node")]


def judge(ctx, nodes, seconds, swaps=False):
    command = [CLIENT, "--profile", "replicas", "--port", nodes[0].server.port, "--seed", ctx.seed, "--seconds", seconds]
    for node in nodes[1:]:
        command += ["--replica", node.server.port]
    trouble = Trouble(nodes, ctx.seed, swaps)
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=seconds + 60, check=False)
    trouble.stop()
    print(done.stdout)
    synced = [[int(node.info(name)) for name in ("sync_full", "sync_partial_ok")] for node in nodes[:-1]]
    print(f"{trouble.cuts} cuts; full and partial syncs served: {synced}")
    assert done.returncode == 0, f"status {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-2000:]}"
    assert min(moves_seen(done.stdout)) > 20, f"a replica hardly moved\n{done.stdout}"
    assert sum(full for full, _ in synced) > len(nodes) - 1, "nothing was got anew"
    wait_until_alike(nodes)
    for node in nodes:
        node.close()


@only("gyre")
@alone
@variants("release", "tsan")
@timeout(60)
def test_a_chain_whose_links_are_cut(ctx):
    """And which has no room for old and new data: it refuses to answer while it loads."""
    nodes = chain(ctx, ["gyre"] * 3)
    for node in nodes[1:]:
        with node.client() as client:
            client("CONFIG", "SET", "maxmemory", TOO_LITTLE)
    judge(ctx, nodes, 4)
    assert nodes[1].server.log_text().count("Flushing old data") > 1, "it had no room for both"


@only("gyre")
@alone
@variants("release", "tsan")
@timeout(60)
def test_a_chain_that_swaps_new_data_in(ctx):
    judge(ctx, chain(ctx, ["gyre"] * 3, "--repl-diskless-load", "swapdb"), 4)


@only("gyre")
@alone
@slow
@timeout(60)
def test_below_a_stock_primary(ctx):
    judge(ctx, chain(ctx, ["redis", "gyre", "gyre"]), 4)


@only("gyre")
@alone
@slow
@timeout(4 * LONG_S + 300)
def test_long(ctx):
    if not LONG_S:
        ctx.skip("GYRE_HISTORY_SECONDS says how long")
    for kinds in (["gyre"] * 4, ["redis", "gyre", "gyre", "gyre"], ["gyre", "redis", "gyre", "gyre"]):
        judge(ctx, chain(ctx, kinds), LONG_S, swaps=True)
