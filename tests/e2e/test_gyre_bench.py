"""gyre-bench, the load generator, against the server under test (and so against both kinds of server)."""
import subprocess

from fixture import ROOT, free_port, server_environment
from harness import contains, equal


def bench(ctx, *words, status=0, seconds=40):
    """Runs gyre-bench and returns (standard output, standard error); another exit status than expected fails."""
    binary = ROOT / "build" / (ctx.variant if ctx.target == "gyre" else "release") / "gyre-bench"
    done = subprocess.run([str(binary), *map(str, words)], capture_output=True, text=True, timeout=seconds, check=False,
                          env=server_environment())
    assert done.returncode == status, f"{words}: status {done.returncode}\n{done.stdout:.2000}\n{done.stderr:.2000}"
    return done.stdout, done.stderr


def rows(output):
    """The summary's table: {command: [ops/s, mean, p50, p90, p99, p99.9, p99.99, max]}."""
    lines = output.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("ms "))
    table = {}
    for line in lines[start + 1:]:
        words = line.split()
        if len(words) < 9:
            break
        table[" ".join(words[:-8])] = [float(word.replace(",", "")) for word in words[-8:]]
    return table


def calls(client, command):
    """How often the server has run a command."""
    text = client("INFO", "commandstats").decode()
    found = [line for line in text.splitlines() if line.startswith(f"cmdstat_{command}:")]
    return int(found[0].split("calls=")[1].split(",")[0]) if found else 0


def test_closed_loop_counts_what_it_sends(ctx):
    server = ctx.server()
    out, _ = bench(ctx, "-p", server.port, "-c", 7, "-P", 3, "-n", 5000, "--mix", "get=1,set=1", "-r", 100)
    contains(out, "5,000 requests")
    table = rows(out)
    equal(set(table), {"GET", "SET", "all"})
    client = server.client()
    equal(calls(client, "get") + calls(client, "set"), 5000)
    assert calls(client, "get") > 2000 and calls(client, "set") > 2000
    assert client("DBSIZE") <= 100


def test_redis_benchmark_names_and_quiet_lines(ctx):
    server = ctx.server()
    out, _ = bench(ctx, "-p", server.port, "-t", "set,get,lpush", "-n", 1000, "-q")
    equal([line.split(":")[0] for line in out.splitlines()], ["SET", "GET", "LPUSH"])
    for line in out.splitlines():
        contains(line, "requests per second, p50=")
    equal(calls(server.client(), "lpush"), 1000)


def test_unreachable_server(ctx):
    _, err = bench(ctx, "-p", free_port(), "-n", 10, "GET", "a", status=1)
    contains(err, "Connection refused")
    equal(len(err.splitlines()), 1)
