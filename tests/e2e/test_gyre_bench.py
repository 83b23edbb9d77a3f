"""gyre-bench, the load generator, against the server under test: gyre-server, or redis-server with --target redis."""
import contextlib
import html.parser
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from fixture import ROOT, free_port, server_environment
from harness import alone, contains, equal, eventually, slow, timeout


def command(ctx, *words):
    binary = ROOT / "build" / (ctx.variant if ctx.target == "gyre" else "release") / "gyre-bench"
    return [str(binary), *map(str, words)]


def bench(ctx, *words, status=0, seconds=40):
    """Runs gyre-bench and returns (standard output, standard error); another exit status than expected fails."""
    done = subprocess.run(command(ctx, *words), capture_output=True, text=True, check=False, env=server_environment(),
                          timeout=seconds * (4 if ctx.sanitized else 1))
    assert done.returncode == status, f"{words}: status {done.returncode}\n{done.stdout:.2000}\n{done.stderr:.2000}"
    return done.stdout, done.stderr


def rows(output):
    """The summary's table: {command: [ops/s, mean, p50, p90, p99, p99.9, p99.99, max, errors]}."""
    lines = output.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("ms "))
    table = {}
    for line in lines[start + 1:]:
        words = line.split()
        if len(words) < 10:
            break
        table[" ".join(words[:-9])] = [float(word.replace(",", "")) for word in words[-9:]]
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


def one_line(ctx, *words, says, status=2):
    """A run that cannot begin: nothing on standard output, one line that says why."""
    out, err = bench(ctx, *words, status=status)
    equal(out, "")
    contains(err, says)
    equal(len(err.splitlines()), 1, err)
    assert err.startswith("gyre-bench: ")


def test_wrong_options(ctx):
    one_line(ctx, "--nonsense", says="unknown option '--nonsense'")
    one_line(ctx, "-c", "0", says="-c takes a number from 1")
    one_line(ctx, "-p", says="-p needs a value")
    one_line(ctx, "-t", "set,nonsense", says="no test 'nonsense'")
    one_line(ctx, "--workload", "nonsense", says="--workload is one of cache session")
    one_line(ctx, "--mix", "get=90,nonsense=10", says="'nonsense' is not one of")
    one_line(ctx, "--command", "GET 'a", says="unbalanced quotes")
    one_line(ctx, "-h", "no-such-host.invalid", says="cannot find no-such-host.invalid")
    one_line(ctx, "-c", 1000000, "-P", 1000, "-d", "10m", "-t", "set", says="raise it")


def test_help_fits_a_screen_and_version(ctx):
    out, _ = bench(ctx, "--help")
    assert len(out.splitlines()) <= 50 and max(map(len, out.splitlines())) <= 120
    for word in ("Examples", "--rate", "--workload", "compare", "lag", "--html"):
        contains(out, word)
    out, _ = bench(ctx, "--version")
    assert re.fullmatch(r"gyre-bench \d+\.\d+\.\d+\n", out)


def test_errors_are_counted_and_make_the_run_unclean(ctx):
    server = ctx.server()
    server.client()("SET", "text", "x")
    out, _ = bench(ctx, "-p", server.port, "-n", 500, "LPUSH", "text", "a", status=1)
    contains(out, "errors 500")
    contains(out, "the first: WRONGTYPE")
    out, err = bench(ctx, "-p", server.port, "-n", 500, "-q", "LPUSH", "text", "a", status=1)
    contains(err, "500 error replies")


def test_too_few_file_descriptors(ctx):
    server = ctx.server()
    line = f"ulimit -n 200; exec {command(ctx)[0]} -p {server.port} -c 500 -n 1000 PING"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30, check=False, env=server_environment())
    equal(done.returncode, 2)
    contains(done.stderr, "500 clients need")
    contains(done.stderr, "the limit is 200")


def test_server_full(ctx):
    server = ctx.server("--maxclients", "20")
    _, err = bench(ctx, "-p", server.port, "-c", 50, "-n", 1000, "PING", status=1)
    contains(err, "gyre-bench: 127.0.0.1:")
    equal(len(err.splitlines()), 1, err)


def test_wrong_password_and_right_one(ctx):
    server = ctx.server("--requirepass", "secret")
    _, err = bench(ctx, "-p", server.port, "-n", 10, "-a", "wrong", "PING", status=1)
    contains(err, "refuses the connection: WRONGPASS")
    one_line(ctx, "-p", server.port, "-n", 10, "PING", says="refuses the connection: NOAUTH", status=1)
    for flags in (["-a", "secret"], ["-a", "secret", "-3"], ["-a", "secret", "--user", "default"], ["-a", "secret", "-3", "--dbnum", "4"]):
        bench(ctx, "-p", server.port, "-n", 10, *flags, "SET", "a", "b")
    client = server.client()
    client("AUTH", "secret")
    client("SELECT", 4)
    equal(client("DBSIZE"), 1)


@contextlib.contextmanager
def listener(serve):
    """A server of one's own: `serve` gets each connection, in a thread of its own, when its first PING is answered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        def accept():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                connection.recv(100)
                connection.sendall(b"+PONG\r\n")
                threading.Thread(target=serve, args=(connection,), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def test_a_server_that_closes(ctx):
    def serve(connection):
        connection.recv(10000)
        connection.sendall(b"+OK\r\n" * 3)
        connection.recv(10000)
        connection.close()

    with listener(serve) as port:
        out, _ = bench(ctx, "-p", port, "-c", 4, "-P", 3, "-n", 1000, "SET", "a", "b", status=1)
        contains(out, "12 requests in")
        contains(out, "4 connections lost; the first: 127.0.0.1:")
        contains(out, "closed the connection")
        contains(out, "12 requests got no reply")


def test_a_server_that_speaks_something_else(ctx):
    def serve(connection):
        connection.recv(10000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with listener(serve) as port:
        out, _ = bench(ctx, "-p", port, "-c", 1, "-n", 10, "PING", status=1)
        contains(out, "not the Redis protocol")


def test_a_server_that_never_answers(ctx):
    with listener(lambda connection: time.sleep(60)) as port:
        out, _ = bench(ctx, "-p", port, "-c", 3, "--duration", "200ms", "--warm-up", 0, "--drain", "300ms", "PING", status=1)
        contains(out, "3 requests got no reply")


def test_a_server_that_ends_meanwhile(ctx):
    server = ctx.server()
    process = subprocess.Popen(command(ctx, "-p", server.port, "--duration", 30, "--mix", "get=1,set=1"), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=server_environment())
    client = server.client()
    eventually(lambda: calls(client, "set") > 100, what="load")
    server.kill()
    out, _ = process.communicate(timeout=20)
    equal(process.returncode, 1)
    contains(out, "50 connections lost")
    server.start()


def test_interrupt_prints_the_summary_so_far(ctx):
    server = ctx.server()
    process = subprocess.Popen(command(ctx, "-p", server.port, "--duration", 60, "--mix", "get=1"), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=server_environment())
    client = server.client()
    eventually(lambda: calls(client, "get") > 100, what="load")
    time.sleep(1.2)  # past the warm-up
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    equal(process.returncode, 130)
    contains(out, "interrupted")
    assert rows(out)["GET"][0] > 0


def p99(out, title="GET"):
    return rows(out)[title][4]


@alone
@slow
@timeout(90)
def test_an_open_loop_shows_a_pause_that_a_closed_loop_hides(ctx):
    """A second's pause in ten delays a tenth of the requests that were due; a closed loop sends one a client in it."""
    def run(*words):
        server = ctx.server()
        process = subprocess.Popen(command(ctx, "-p", server.port, "-c", 10, "--duration", 10, "--warm-up", 0, "--mix", "get=1", *words),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=server_environment())
        client = server.client()
        eventually(lambda: calls(client, "get") > 100, what="load")
        time.sleep(4)
        os.kill(server.pid, signal.SIGSTOP)
        time.sleep(1)
        os.kill(server.pid, signal.SIGCONT)
        out, err = process.communicate(timeout=40)
        equal(process.returncode, 0, out + err)
        server.stop()
        return out

    opened, closed = run("--rate", 2000), run()
    assert 700 < p99(opened) < 1500, opened
    assert rows(opened)["GET"][3] < 500, opened  # nine tenths were not delayed
    assert p99(closed) < 100, closed
    assert rows(closed)["GET"][7] > 900, closed  # but its longest is there
    assert abs(rows(opened)["GET"][0] - 2000) < 20, opened


@alone
def test_an_open_loop_keeps_its_rate(ctx):
    server = ctx.server()
    for arrivals in ("even", "poisson"):
        out, _ = bench(ctx, "-p", server.port, "--rate", 3000, "--arrivals", arrivals, "--duration", 2, "--warm-up", "200ms", "--mix", "get=1")
        sent = int(re.search(r"([\d,]+) requests in", out).group(1).replace(",", ""))
        assert abs(sent - 6000) < 400, out  # as many as were due, even where it took longer to send them
        assert rows(out)["GET"][0] < 3200, out


def test_a_rate_that_cannot_be_kept_is_told(ctx):
    def serve(connection):
        while connection.recv(10000):
            time.sleep(0.05)
            connection.sendall(b"+OK\r\n")

    with listener(serve) as port:
        out, _ = bench(ctx, "-p", port, "-c", 2, "--rate", 1000, "--duration", 1, "--warm-up", 0, "--drain", "300ms", "PING", status=1)
        contains(out, "requests were due but could not be sent in time")


def test_a_number_of_requests_in_the_open_loop(ctx):
    server = ctx.server()
    out, _ = bench(ctx, "-p", server.port, "--rate", 5000, "-n", 1000, "--threads", 3, "SET", "a", "__seq__")
    contains(out, "1,000 requests")
    equal(calls(server.client(), "set"), 1000)


def test_fill_writes_every_key_once(ctx):
    server = ctx.server()
    client = server.client()
    bench(ctx, "-p", server.port, "--fill-only", "-r", 1237, "-d", "10-20", "--mix", "get=1,hget=1", "--threads", 3)
    equal(client("DBSIZE"), 2 * 1237)
    equal(calls(client, "set"), 1237)
    assert 10 <= client("STRLEN", "key:000000001236") <= 20
    equal(client("TYPE", "hash:000000000000"), "hash")
    bench(ctx, "-p", server.port, "--fill-only", "-r", 100, "--mix", "get=1", "--databases", 3, "--dbnum", 5, "--ttl", 500)
    for database in (5, 6, 7):
        client("SELECT", database)
        equal(client("DBSIZE"), 100)
        assert 490 <= client("TTL", "key:000000000000") <= 500


def test_every_workload_runs_clean(ctx):
    server = ctx.server()
    for workload in ("cache", "session", "counter", "leaderboard", "queue", "mixed"):
        out, _ = bench(ctx, "-p", server.port, "--workload", workload, "--fill", "-r", 200, "-n", 2000, "--verify")
        contains(out, "2,000 requests")
    out, _ = bench(ctx, "-p", server.port, "--workload", "cache", "-r", 200, "-n", 2000, "-3", "--verify", "--databases", 2)
    contains(out, "found nothing")


def test_every_test_of_redis_benchmark_runs_clean(ctx):
    server = ctx.server()
    streams = server.client()("COMMAND", "INFO", "xadd") != [None]
    names = "all" if streams else "ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange,mset"
    out, _ = bench(ctx, "-p", server.port, "-t", names, "-n", 1000, "-P", 5, "-r", 100, "--csv")
    lines = out.splitlines()
    equal(lines[0], '"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"')
    equal(len(lines), 22 if streams else 21)
    for line in lines[1:]:
        figures = [float(word.strip('"')) for word in line.split('","')[1:]]
        equal(len(figures), 7)
        assert figures[0] > 0 and figures[2] <= figures[3] <= figures[4] <= figures[5] <= figures[6], line


def test_csv_is_as_redis_benchmark_writes_it(ctx):
    server = ctx.server()
    flags = ["-p", str(server.port), "-t", "set,get", "-n", "1000", "--csv"]
    ours, _ = bench(ctx, *flags)
    theirs = subprocess.run(["redis-benchmark", *flags], capture_output=True, text=True, timeout=30, check=True).stdout
    shape = [re.sub(r"[\d.]+", "N", text) for text in (ours, theirs)]
    equal(shape[0], shape[1])


def test_verify_finds_a_value_that_nobody_wrote(ctx):
    server = ctx.server()
    client = server.client()
    words = ["-p", server.port, "-r", 50, "--mix", "get=4,mget=1", "-n", 3000, "--verify"]
    bench(ctx, *words, "--fill", "-d", "1-3000")
    client("SETRANGE", "key:000000000007", 0, "#")
    out, _ = bench(ctx, *words, status=1)
    contains(out, "wrong replies; the first:")
    contains(out, "another value than was written")
    bench(ctx, "-p", server.port, "-n", 100, "--verify", "GETEX", "key:000000000007")


def test_placeholders_reach_the_server(ctx):
    server = ctx.server()
    client = server.client()
    bench(ctx, "-p", server.port, "-n", 2000, "-r", 30, "--command", "ZADD lb __score__ __key__", "--command-ratio", 3,
          "--command", "MSET __key__,__data__*4", "-d", "7")
    equal(client("ZCARD", "lb"), 30)
    contains(client("ZRANGE", "lb", 0, 0)[0], b"key:0000000000")
    assert abs(calls(client, "zadd") - 1500) < 120
    equal(client("STRLEN", "key:000000000003"), 7)
    bench(ctx, "-p", server.port, "-n", 100, "--threads", 4, "-c", 8, "SET", "seq:__seq__", "x")
    equal(len(client("KEYS", "seq:*")), 100)


def test_same_seed_same_requests(ctx):
    server = ctx.server()
    client = server.client()
    sets = []
    for _ in range(2):
        client("FLUSHALL")
        bench(ctx, "-p", server.port, "-n", 200, "-c", 1, "--seed", 42, "-r", "1m", "--distribution", "zipf", "SET", "__key__", "__data__")
        sets.append(sorted(client("KEYS", "*")))
    equal(sets[0], sets[1])
    assert len(sets[0]) > 50


def test_unix_socket_and_ipv6(ctx):
    path = os.path.join(tempfile.gettempdir(), f"gb-{os.getpid()}.sock")
    server = ctx.server("--unixsocket", path)
    bench(ctx, "-s", path, "-n", 100, "SET", "a", "b")
    one_line(ctx, "-s", path + ".none", "-n", 10, "PING", says="cannot connect to", status=1)
    bench(ctx, "-h", "localhost", "-p", server.port, "-n", 100, "SET", "a", "b")
    if pathlib.Path("/proc/net/if_inet6").exists() and "00000000000000000000000000000001" in pathlib.Path("/proc/net/if_inet6").read_text():
        v6 = ctx.server("--bind", "::1 127.0.0.1")
        bench(ctx, "-h", "::1", "-p", v6.port, "-n", 100, "SET", "a", "b")


def test_reads_go_to_replicas(ctx):
    primary, replica = ctx.server(), ctx.server()
    out, _ = bench(ctx, "-p", primary.port, "--read-from", f"127.0.0.1:{replica.port}", "--mix", "get=3,set=1", "-n", 4000, "-P", 4)
    contains(out, "4,000 requests")
    equal(calls(primary.client(), "get"), 0)
    equal(calls(replica.client(), "set"), 0)
    equal(calls(primary.client(), "set") + calls(replica.client(), "get"), 4000)


def test_json(ctx):
    server = ctx.server()
    out, _ = bench(ctx, "-p", server.port, "--mix", "get=1,set=1", "--duration", 1, "--warm-up", 0, "--json", "-q")
    report = json.loads(out)
    run = report["runs"][0]
    assert run["clean"] and run["requests"] == sum(c["requests"] for c in run["commands"])
    assert abs(run["ops_per_second"] - run["requests"] / run["seconds"]) < 1
    latency = run["latency_ms"]
    assert 0 < latency["min"] <= latency["p50"] <= latency["p99"] <= latency["p99.9"] <= latency["max"]
    assert sum(sample["requests"] for sample in run["samples"]) <= run["requests"] and len(run["samples"]) >= 3
    equal(report["settings"]["server"], f"127.0.0.1:{server.port}")
    server.client()("SET", "te\"xt\x80", "x")
    out, _ = bench(ctx, "-p", server.port, "-n", 10, "--json", "-q", 'NO"\\SUCH', status=1)
    contains(json.loads(out)["runs"][0]["first_error"], "unknown command")


class Page(html.parser.HTMLParser):
    """What a page refers to, and how much of it is there."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.outside = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.outside += [value for name, value in attrs if name in ("src", "href", "data", "action") and value]


def test_html_opens_without_a_network(ctx):
    server = ctx.server()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.html")
        bench(ctx, "-p", server.port, "--mix", "get=1,set=1", "--duration", "1500ms", "--warm-up", 0, "-q", "--html", path)
        text = pathlib.Path(path).read_text(encoding="utf-8")
        page = Page(text)
        equal(page.outside, [])
        assert "http" not in text and "@import" not in text and "url(" not in text
        equal(page.tags.count("svg"), 3)
        for part in ("Throughput over time", "Latency by percentile", "99.9%", "<polyline", "GET __key__", "closed loop"):
            contains(text, part)
        chromium = shutil.which("chromium")
        if chromium:
            dom = subprocess.run([chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile", "--dump-dom",
                                  f"file://{path}"], capture_output=True, text=True, timeout=50, check=True).stdout
            equal(dom.count("<polyline"), text.count("<polyline"))
    bench(ctx, "-p", server.port, "-n", 100, "-q", "--html", "/nonexistent/x.html", "PING", status=1)


def test_compare(ctx):
    a, b = ctx.server(), ctx.server()
    words = ["compare", f"127.0.0.1:{a.port}", f"127.0.0.1:{b.port}", "--mix", "get=1,set=1", "-n", 3000, "--rounds", 3, "-q",
             "--pid", a.pid, "--pid", b.pid]
    out, _ = bench(ctx, *words)
    for name in ("ops/s", "p99 ms", "server CPU us/op", "server memory MB", "3 rounds"):
        contains(out, name)
    for server in (a, b):
        client = server.client()
        equal(calls(client, "get") + calls(client, "set"), 9000)
    report = json.loads(bench(ctx, *words, "--json")[0])
    measures = report["runs"][0]["measures"]
    assert measures["ops_per_second"]["ratio_low"] <= measures["ops_per_second"]["ratio"] <= measures["ops_per_second"]["ratio_high"]
    assert measures["memory_mb"]["a"] > 0
    equal(len(bench(ctx, *words, "--csv")[0].splitlines()), 7)
    one_line(ctx, "compare", f":{a.port}", f":{b.port}", "--pid", 999999999, "--pid", 1, "-n", 10, says="no process 999999999", status=1)


def test_lag_of_replicas_and_of_one_that_shows_nothing(ctx):
    """A replica and the replica of that one show every stamp; a server that is no replica never does."""
    at_once = ("--repl-diskless-sync-delay", "0")
    primary, other = ctx.oracle(*at_once), ctx.oracle()
    chain = ctx.oracle("--replicaof", f"127.0.0.1 {primary.port}", *at_once)
    deeper = ctx.oracle("--replicaof", f"127.0.0.1 {chain.port}")
    eventually(lambda: b"master_link_status:up" in deeper.client()("INFO", "replication"), what="replication", seconds=40)
    eventually(lambda: b"master_link_status:up" in chain.client()("INFO", "replication"), what="replication", seconds=40)
    replicas = f"127.0.0.1:{chain.port},127.0.0.1:{deeper.port}"
    out, _ = bench(ctx, "lag", "--primary", f"127.0.0.1:{primary.port}", "--replica", replicas, "--rate", 500, "--duration", 1, "--json")
    report = json.loads(out)
    equal(len(report["replicas"]), 2)
    for replica in report["replicas"]:
        equal(replica["stamps"], 500)
        equal(replica["not_seen"], 0)
        assert 0 < replica["lag_ms"]["p50"] <= replica["lag_ms"]["max"]
    out, _ = bench(ctx, "lag", "--primary", f"127.0.0.1:{primary.port}", "--replica", f"127.0.0.1:{other.port}", "--rate", 100, "--duration",
                   "500ms", "--drain", "300ms", status=1)
    contains(out, "not seen")


@alone
@timeout(60)
def test_lag_shows_how_long_a_replica_stood_still(ctx):
    primary = ctx.oracle("--repl-diskless-sync-delay", "0")
    replica = ctx.oracle("--replicaof", f"127.0.0.1 {primary.port}")
    eventually(lambda: b"master_link_status:up" in replica.client()("INFO", "replication"), what="replication", seconds=40)
    process = subprocess.Popen(command(ctx, "lag", "--primary", f":{primary.port}", "--replica", f":{replica.port}", "--rate", 500,
                                       "--duration", 3, "--json"), stdout=subprocess.PIPE, text=True, env=server_environment())
    time.sleep(1)
    os.kill(replica.pid, signal.SIGSTOP)
    began = time.monotonic()
    time.sleep(1)
    os.kill(replica.pid, signal.SIGCONT)
    report = json.loads(process.communicate(timeout=30)[0])
    took_ms = (time.monotonic() - began) * 1000
    equal(process.returncode, 0)
    assert 900 < report["replicas"][0]["lag_ms"]["max"] < took_ms, report


def test_a_client_ends_with_the_first_of_its_connections(ctx):
    """Reads could go on, but a client that cannot write any more is not the workload that was asked for."""
    replica = ctx.server()

    def serve(connection):
        connection.recv(10000)
        connection.close()

    with listener(serve) as port:
        out, _ = bench(ctx, "-p", port, "--read-from", f"127.0.0.1:{replica.port}", "--mix", "get=1,set=1", "-c", 5, "-n", 100000, status=1)
        contains(out, "5 connections lost")
