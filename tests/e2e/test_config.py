"""Configuration: files, the command line, CONFIG SET and REWRITE, and every option given nonsense."""
import os
import pathlib
import subprocess

from fixture import ROOT, Server, server_environment
from harness import contains, equal, eventually, only, timeout
from resp import Error, Simple


def start_fails(ctx, *words, config=None):
    """Starts the server, which must refuse, and returns what it said."""
    command = [str(ROOT / "build" / ctx.variant / "gyre-server")]
    if config is not None:
        path = pathlib.Path(ctx.folder) / "bad.conf"
        path.write_text(config, encoding="utf-8")
        command.append(str(path))
    done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=60, check=False,
                          cwd=ctx.folder, env=server_environment())
    assert done.returncode == 1, f"exit status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@only("gyre")
def test_wrong_value_names_file_line_option_and_what_is_allowed(ctx):
    said = start_fails(ctx, config="# a comment\n\nport 0\nmaxmemory-policy sometimes\n")
    for part in ("bad.conf", "line 4", "maxmemory-policy", "sometimes", "allkeys-lru", "noeviction"):
        contains(said, part)


@only("gyre")
def test_wrong_command_line_is_refused(ctx):
    contains(start_fails(ctx, "--maxclients", "many"), "maxclients")
    contains(start_fails(ctx, "--nonsense", "1"), "nonsense")
    contains(start_fails(ctx, "--strict-config", config="nonsense 1\n"), "bad.conf:1")
    contains(start_fails(ctx, "/no/such/file"), "/no/such/file")
    contains(start_fails(ctx, config='requirepass "unbalanced\n'), "line 1")
    contains(start_fails(ctx, "--bind", "203.0.113.1", "--port", "29999"), "203.0.113.1")


@only("gyre")
def test_sample_configuration_is_clean(ctx):
    """The sample loads without a warning, also when warnings are errors."""
    sample = (ROOT / "gyre.conf").read_text(encoding="utf-8")
    server = ctx.server("--strict-config", config=sample)
    equal([line for line in server.log_text().splitlines() if "unsupported" in line.lower() or "unknown" in line.lower()], [])


@only("gyre")
def test_stock_configuration_of_redis_loads(ctx):
    stock = pathlib.Path("/etc/redis/redis.conf")
    if not stock.exists() or not os.access(stock, os.R_OK):
        ctx.skip("there is no readable /etc/redis/redis.conf here (Debian's redis-server package has it)")
    places = ["--daemonize", "no", "--logfile", "", "--pidfile", ""]
    server = ctx.server(*places, config=stock.read_text(encoding="utf-8"))
    equal(server.client()("PING"), Simple("PONG"))


@only("gyre")
def test_unsupported_options_are_named_or_refused(ctx):
    text = "maxmemory 100mb\ncluster-enabled yes\nlua-time-limit 5000\n"
    log = ctx.server(config=text).log_text()
    warnings = [line for line in log.splitlines() if "cluster-enabled" in line]
    equal(len(warnings), 1, log)
    contains(start_fails(ctx, "--strict-config", config=text), "cluster-enabled")


def test_file_and_command_line_together(ctx):
    text = "maxmemory 100mb\nmaxmemory-policy allkeys-lru\nrequirepass \"a \\\"secret\\\"\\x21\"\n"
    server = ctx.server("--maxmemory", "200mb", config=text)
    client = server.client()
    equal(client("AUTH", 'a "secret"!'), Simple("OK"))
    equal(client("CONFIG", "GET", "maxmemory"), [b"maxmemory", str(200 << 20).encode()])
    equal(client("CONFIG", "GET", "maxmemory-policy"), [b"maxmemory-policy", b"allkeys-lru"])


def test_set_of_several_is_all_or_nothing(ctx):
    client = ctx.client()
    equal(client("CONFIG", "SET", "maxmemory", "50mb", "timeout", "17"), Simple("OK"))
    said = client("CONFIG", "SET", "timeout", "18", "maxmemory-policy", "sometimes", "maxclients", "77")
    equal(isinstance(said, Error) and "maxmemory-policy" in said, True, said)
    equal(client("CONFIG", "GET", "timeout"), [b"timeout", b"17"])
    equal(client("CONFIG", "GET", "maxclients") == [b"maxclients", b"77"], False)


# Options whose setting would take effect outside the server, or stop the comparison.
LEFT_ALONE = {"bind", "port", "dir", "logfile", "pidfile", "unixsocket", "requirepass", "masterauth", "masteruser", "tls-port",
              "save", "proto-max-bulk-len", "client-query-buffer-limit", "timeout", "replicaof", "slaveof", "dbfilename", "appendonly"}
NONSENSE = ["", "-1", "abc", "99999999999999999999", "1.5", "1 2", "yes no", "12xb", b"\xff\xfe", "0x10"]


def refused_for_good_reason(name, value, got):
    """Redis takes a size beyond 64 bits for the largest one, and builds with TLS take its options: here both are errors."""
    too_large = value == "99999999999999999999" and isinstance(got, Error) and "must be a memory" in got
    return too_large or (name.startswith("tls-") and isinstance(got, Error) and "not supported" in got)


@timeout(120)
def test_every_option_set_to_nonsense_answers_as_redis_does(ctx):
    """Each option that both servers have is given the same nonsense: both refuse with the same words, or both accept."""
    ours, theirs = ctx.server(), ctx.oracle()
    a, b = ours.client(), theirs.client()
    names = {pair for pair in a("CONFIG", "GET", "*")[::2]} & {pair for pair in b("CONFIG", "GET", "*")[::2]}
    problems = []
    for name in sorted(name.decode() for name in names):
        if name in LEFT_ALONE:
            continue
        before = a("CONFIG", "GET", name)
        for value in NONSENSE:
            got, expected = a("CONFIG", "SET", name, value), b("CONFIG", "SET", name, value)
            if got != expected and not refused_for_good_reason(name, value, got):
                problems.append(f"CONFIG SET {name} {value!r}: expected {expected!r}, got {got!r}")
            if got == "OK":
                a("CONFIG", "SET", name, before[1])
                b("CONFIG", "SET", name, before[1])
    equal(a("PING"), Simple("PONG"))
    assert len(names) > 60, f"only {len(names)} options in common"
    assert not problems, f"{len(problems)} differ:\n" + "\n".join(problems[:60])


def test_rewrite_keeps_comments_and_order(ctx):
    text = "# first comment\nmaxmemory 100mb\n\n# about the policy\nmaxmemory-policy allkeys-lru\n# the end\ntimeout 5\n"
    server = ctx.server(config=text)
    client = server.client()
    equal(client("CONFIG", "SET", "maxmemory", "200mb", "maxclients", "123"), Simple("OK"))
    equal(client("CONFIG", "REWRITE"), Simple("OK"))
    lines = pathlib.Path(server.folder, "server.conf").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line in text.splitlines()]
    equal(kept[:6], ["# first comment", "", "# about the policy", "maxmemory-policy allkeys-lru", "# the end", "timeout 5"])
    equal(lines[1], "maxmemory 200mb")
    equal("maxclients 123" in lines, True, "\n".join(lines))
    server.stop()
    again = Server(server.kind, ctx.variant, [], parent=ctx.folder, config="\n".join(lines) + "\n")
    try:
        equal(again.client()("CONFIG", "GET", "maxclients"), [b"maxclients", b"123"])
    finally:
        again.stop()


def test_rewrite_without_a_file(ctx):
    equal(ctx.client()("CONFIG", "REWRITE"), Error("ERR The server is running without a config file"))


def test_include(ctx):
    included = pathlib.Path(ctx.folder) / "more.conf"
    included.write_text("maxclients 222\n", encoding="utf-8")
    server = ctx.server(config=f"maxclients 111\ninclude {included}\n")
    equal(server.client()("CONFIG", "GET", "maxclients"), [b"maxclients", b"222"])


def test_rename_command(ctx):
    server = ctx.server(config='rename-command GET fetch\nrename-command FLUSHALL ""\n')
    client = server.client()
    client("SET", "k", "v")
    equal(client("FETCH", "k"), b"v")
    for word in ("GET", "FLUSHALL"):
        reply = client(word, "k")
        equal(isinstance(reply, Error) and reply.startswith(f"ERR unknown command '{word}'"), True, reply)


def test_settings_take_effect_at_once(ctx):
    server = ctx.server()
    client = server.client()
    equal(client("CONFIG", "SET", "requirepass", "secret"), Simple("OK"))
    equal(server.client()("PING"), Error("NOAUTH Authentication required."))
    equal(client("CONFIG", "SET", "requirepass", ""), Simple("OK"))
    equal(client("CONFIG", "SET", "maxmemory", "1"), Simple("OK"))
    eventually(lambda: client("SET", "k", "v") == Error("OOM command not allowed when used memory > 'maxmemory'."), 5, "refusal")
    equal(client("CONFIG", "SET", "maxmemory", "0"), Simple("OK"))
    eventually(lambda: client("SET", "k", "v") == Simple("OK"), 5, "acceptance")
