"""The contract's first two points, by recording: concurrent clients on several shards see one history that respects real time
and the order of every pipeline. gyre-history (tests/history) is the client and the judge. Its own tests are in
tests/unit/test_history.c; `make checker-demo` shows that it finds a server that takes no holds.
"""
import pathlib
import subprocess

from fixture import ROOT
from harness import alone, equal, timeout

CLIENT = pathlib.Path(ROOT) / "build" / "release" / "gyre-history"


def record(ctx, server, profile, seconds, *options):
    command = [str(CLIENT), "--port", str(server.port), "--profile", profile, "--seed", str(ctx.seed), "--seconds", str(seconds)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=seconds + 60, check=False)
    print(done.stdout)
    assert done.returncode == 0, f"{' '.join(command)}: status {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-2000:]}"


def seconds(ctx, normal):
    return normal / 2 if ctx.quick else normal


@alone
@timeout(120)
def test_any_commands_on_two_shards(ctx):
    record(ctx, ctx.server("--shards", "2"), "rounds", seconds(ctx, 6))


@alone
@timeout(120)
def test_any_commands_on_more_shards_than_cores(ctx):
    record(ctx, ctx.server("--shards", "8"), "rounds", seconds(ctx, 8), "--threads", "8", "--connections", "1")


@alone
@timeout(120)
def test_groups_of_keys(ctx):
    record(ctx, ctx.server("--shards", "4"), "windows", seconds(ctx, 6))


@alone
@timeout(120)
def test_large_groups_of_keys_on_more_shards_than_cores(ctx):
    record(ctx, ctx.server("--shards", "8"), "windows", seconds(ctx, 6), "--keys", "40", "--threads", "8", "--connections", "2")


@alone
@timeout(120)
def test_transactions_of_hundreds_of_clients(ctx):
    """Transfers between accounts on different slices, WATCH-based increments, write skew; more shards than cores."""
    many = ("--threads", "4", "--connections", "4") if ctx.variant == "tsan" else ("--threads", "8", "--connections", "32")
    record(ctx, ctx.server("--shards", "8"), "accounts", seconds(ctx, 6), *many)


@alone
@timeout(120)
def test_lists_that_elements_move_between(ctx):
    """LMOVE, RPOPLPUSH and BLMOVE, alone and in transactions, between lists of different slices; readers see each element once."""
    many = ("--threads", "4", "--connections", "4") if ctx.variant == "tsan" else ("--threads", "8", "--connections", "32")
    record(ctx, ctx.server("--shards", "8"), "moves", seconds(ctx, 4), *many)


@alone
@timeout(120)
def test_waiting_clients_by_the_hundred(ctx):
    """Blocked pops over keys of several slices: each element once, in order, first come first served; time-outs and closes lose none."""
    many = ("--threads", "4", "--connections", "4") if ctx.variant == "tsan" else ("--threads", "8", "--connections", "24")
    record(ctx, ctx.server("--shards", "8"), "queues", seconds(ctx, 6), *many)


@alone
@timeout(120)
def test_while_others_keep_the_server_busy(ctx):
    """The same beside a load on other keys (in another database, as KEYS * is part of what is judged)."""
    server = ctx.server("--shards", "4")
    load = ["redis-benchmark", "-p", str(server.port), "-t", "mset,set,get", "-n", "100000000", "-c", "30", "-P", "8", "-r", "100000", "-q",
            "--dbnum", "5"]
    with subprocess.Popen(load, stdout=subprocess.DEVNULL) as process:
        try:
            record(ctx, server, "rounds", seconds(ctx, 6))
            equal(process.poll(), None, "the load goes on")
        finally:
            process.kill()
