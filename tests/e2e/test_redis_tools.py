"""redis-cli in its many modes, and redis-benchmark: what an operator has at hand."""
import re
import signal
import subprocess
import time

from harness import contains, equal, timeout
from resp import encode


def run(*words, stdin=None, seconds=60):
    """Runs a tool and returns its output; an exit status other than 0 fails the test."""
    done = subprocess.run([str(w) for w in words], input=stdin, capture_output=True, timeout=seconds, check=False)
    assert done.returncode == 0, f"{words}: status {done.returncode}\n{done.stdout!r:.1000}\n{done.stderr!r:.1000}"
    return done.stdout


def cli(server, *words, **more):
    return run("redis-cli", "-p", server.port, *words, **more).decode()


def test_commands(ctx):
    server = ctx.server()
    equal(cli(server, "SET", "key", "a value\n"), "OK\n")
    equal(cli(server, "GET", "key"), "a value\n\n")
    equal(cli(server, "--no-raw", "GET", "key"), '"a value\\n"\n')
    equal(cli(server, "--no-raw", "GET", "none"), "(nil)\n")
    equal(cli(server, "--no-raw", "INCR", "n"), "(integer) 1\n")
    equal(cli(server, "--no-raw", "MGET", "n", "none"), '1) "1"\n2) (nil)\n')
    equal(cli(server, "-3", "--no-raw", "CONFIG", "GET", "maxmemory"), '1# "maxmemory" => "0"\n')
    equal(cli(server, "-3", "--no-raw", "HELLO").splitlines()[0], '1# "server" => "redis"')
    equal(cli(server, "-n", "3", "DBSIZE"), "0\n")
    contains(cli(server, "nonsense"), "ERR unknown command")
    equal(cli(server, "-x", "SET", "piped", stdin=b"from standard input"), "OK\n")
    equal(cli(server, "--raw", "GET", "piped"), "from standard input\n")
    equal(cli(server, stdin=b"SET k 'v w'\nGET k\n"), "OK\nv w\n")
    equal(cli(server, "-r", "3", "INCR", "n"), "2\n3\n4\n")


def test_help_for_the_prompt(ctx):
    """An interactive redis-cli asks COMMAND DOCS for its hints when it starts."""
    output = cli(ctx.server(), stdin=b"help get\nPING\n")
    contains(output, "PONG")


def test_mass_insertion(ctx):
    server = ctx.server()
    data = b"".join(encode("SET", f"key{i}", f"value{i}") for i in range(50000))
    output = cli(server, "--pipe", stdin=data)
    contains(output, "errors: 0, replies: 50000")
    equal(cli(server, "DBSIZE"), "50000\n")
    output = subprocess.run(["redis-cli", "-p", str(server.port), "--pipe"], input=encode("SET", "k") + encode("GET", "key1"),
                            capture_output=True, timeout=30, check=False).stdout.decode()
    contains(output, "errors: 1, replies: 2")


def fill(server, count):
    cli(server, "--pipe", stdin=b"".join(encode("SET", f"key{i}", "x" * (i % 50)) for i in range(count)))


def test_scan(ctx):
    server = ctx.server()
    fill(server, 3000)
    equal(len(set(cli(server, "--scan").split())), 3000)
    found = set(cli(server, "--scan", "--pattern", "key12*").split())
    equal(found, {f"key{i}" for i in range(3000) if str(i).startswith("12")})


def test_big_keys_and_memory_keys(ctx):
    server = ctx.server()
    fill(server, 500)
    cli(server, "SET", "the-biggest", "x" * 1000)
    output = cli(server, "--bigkeys")
    contains(output, "'\"the-biggest\"' has 1000 bytes")
    contains(output, "501 keys in the keyspace")
    output = cli(server, "--memkeys")
    contains(output, "the-biggest")


def watch(server, *words, seconds=1.5):
    """Runs a redis-cli that goes on for ever for a while, and returns what it printed."""
    command = ["stdbuf", "-oL", "redis-cli", "-p", str(server.port), *words]
    # A shell that runs the tests in the background has them ignore the signal that ends redis-cli.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=10)[0].decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@timeout(60)
def test_latency_and_statistics(ctx):
    server = ctx.server()
    equal(bool(re.search(r"min: \d+, max: \d+, avg", watch(server, "--latency", seconds=1))) or
          bool(re.match(r"\d+ \d+ [\d.]+ \d+", cli(server, "--latency", "--raw", "-i", "1"))), True)
    output = watch(server, "--stat", "-i", "0.2")
    equal(len([line for line in output.splitlines() if re.match(r"\s*\d+\s+[\d.]+[BKMG]", line)]) >= 2, True, output)


@timeout(60)
def test_monitor(ctx):
    server = ctx.server()
    process = subprocess.Popen(["redis-cli", "-p", str(server.port), "MONITOR"], stdout=subprocess.PIPE)
    equal(process.stdout.readline(), b"OK\n")
    cli(server, "-n", "2", "SET", "k", 'a "quoted"\n\\value')
    line = process.stdout.readline().decode()
    while '"SET"' not in line:
        line = process.stdout.readline().decode()
    process.kill()
    process.wait()
    pattern = r'^\d+\.\d{6} \[2 127\.0\.0\.1:\d+\] "SET" "k" "a \\"quoted\\"\\n\\\\value"\n$'
    equal(bool(re.match(pattern, line)), True, line)


@timeout(60)
def test_subscribe(ctx):
    server = ctx.server()
    process = subprocess.Popen(["redis-cli", "-p", str(server.port), "PSUBSCRIBE", "a*"], stdout=subprocess.PIPE)
    equal([process.stdout.readline() for _ in range(3)], [b"psubscribe\n", b"a*\n", b"1\n"])
    equal(cli(server, "PUBLISH", "ab", "hello"), "1\n")
    equal([process.stdout.readline() for _ in range(4)], [b"pmessage\n", b"a*\n", b"ab\n", b"hello\n"])
    process.kill()
    process.wait()


@timeout(120)
def test_benchmark(ctx):
    server = ctx.server()
    count = 2000 if ctx.sanitized else 20000
    output = run("redis-benchmark", "-p", server.port, "-t", "ping,set,get,incr,mset", "-n", count, "-q", "-c", 20, seconds=100).decode()
    for name in ("PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"):
        contains(output, f"{name}: " in output.replace("\r", "\n") and "requests per second")
    output = run("redis-benchmark", "-p", server.port, "-t", "set,get", "-n", count, "-q", "-P", 16, "-r", 1000, "-d", 100,
                 "--threads", 2, seconds=100).decode()
    contains(output, "requests per second")
    equal(0 < int(cli(server, "DBSIZE")) <= 1003, True)
