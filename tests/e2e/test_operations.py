"""The process as an operator meets it: starting, logging, signals, supervision, limits, crashes, installing."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

from fixture import ROOT, free_port, server_environment
from harness import contains, equal, eventually, only, raises, timeout, variants
from resp import Client, Error, Simple


def binary(ctx):
    return str(ROOT / "build" / ctx.variant / "gyre-server")


@only("gyre")
def test_version_and_help(ctx):
    said = subprocess.run([binary(ctx), "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    equal(bool(re.match(r"Gyre server v=\d+\.\d+\.\d+ ", said)), True, said)
    contains(subprocess.run([binary(ctx), "--help"], capture_output=True, text=True, timeout=30, check=True).stdout, "Usage:")


@only("gyre")
def test_banner_fits_a_screen_and_says_what_matters(ctx):
    server = ctx.server("--shards", "3", "--maxmemory", "100mb")
    log = server.log_text()
    assert len(log.splitlines()) <= 24, log
    for part in (str(server.pid), str(server.port), "shards", "3", "io_uring", "100 MiB", "persistence"):
        contains(log, part)


@only("gyre")
def test_threads_have_names(ctx):
    server = ctx.server("--shards", "3")
    names = sorted(pathlib.Path(path, "comm").read_text(encoding="ascii").strip() for path in pathlib.Path(f"/proc/{server.pid}/task").iterdir())
    equal(len([name for name in names if re.search(r"shard", name)]), 3, names)
    equal(len([name for name in names if re.search(r"coord", name)]), 1, names)


@only("gyre")
def test_threads_are_pinned_to_a_list_of_processors(ctx):
    server = ctx.server("--shards", "2", "--server-cpulist", "0")
    for path in pathlib.Path(f"/proc/{server.pid}/task").iterdir():
        if "shard" in (path / "comm").read_text(encoding="ascii"):
            equal(re.search(r"Cpus_allowed_list:\t(\S+)", (path / "status").read_text(encoding="ascii")).group(1), "0")


@timeout(60)
def test_daemon_with_pidfile_and_logfile(ctx):
    port = free_port()
    log, pidfile = (os.path.join(ctx.folder, name) for name in ("daemon.log", "daemon.pid"))
    words = ["--daemonize", "yes", "--port", str(port), "--bind", "127.0.0.1", "--logfile", log, "--pidfile", pidfile, "--dir", ctx.folder]
    command = [binary(ctx)] if ctx.target == "gyre" else ["redis-server"]
    started = subprocess.run([*command, *words, "--save", ""], capture_output=True, timeout=30, check=False)
    equal(started.returncode, 0, started.stdout + started.stderr)
    eventually(lambda: os.path.exists(pidfile) and os.path.getsize(pidfile), 10, "the pid file")
    pid = int(pathlib.Path(pidfile).read_text(encoding="ascii"))

    def answers():
        try:
            with Client(port) as client:
                return client("PING") == "PONG"
        except OSError:
            return False

    try:
        eventually(answers, 10, "an answer")
        equal(os.stat(f"/proc/{pid}").st_uid, os.getuid())
    finally:
        os.kill(pid, signal.SIGTERM)
    eventually(lambda: not os.path.exists(f"/proc/{pid}"), 10, "its end")
    equal(os.path.exists(pidfile), False, "the pid file after the end")
    contains(pathlib.Path(log).read_text(encoding="utf-8"), "bye bye")


@only("gyre")
def test_sighup_reopens_the_log(ctx):
    log = pathlib.Path(ctx.folder) / "server.log"
    server = ctx.server("--logfile", str(log), "--loglevel", "debug")
    moved = log.rename(log.with_suffix(".1"))
    os.kill(server.pid, signal.SIGHUP)
    eventually(log.exists, 10, "the new log")
    equal(server.client()("PING"), Simple("PONG"))
    size = moved.stat().st_size
    server.stop()
    equal(moved.stat().st_size, size, "the old log, which must not grow")
    contains(log.read_text(encoding="utf-8"), "bye bye")


def test_sigpipe_and_sigusr_do_no_harm(ctx):
    server = ctx.server()
    for number in (signal.SIGPIPE, signal.SIGCONT):
        os.kill(server.pid, number)
    equal(server.client()("PING"), Simple("PONG"))


def notifications(listener, last):
    """What the service manager was told, up to the datagram that holds `last`."""
    heard = ""
    while last not in heard:
        heard += listener.recv(4096).decode()
    return heard


@timeout(60)
def test_systemd_is_notified(ctx):
    path = os.path.join(ctx.folder, "notify")
    for supervised in ("systemd", "auto"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(path)
            listener.settimeout(20)
            # Under a service manager it stays where it is.
            server = ctx.server("--supervised", supervised, "--daemonize", "yes", environment={"NOTIFY_SOCKET": path})
            heard = notifications(listener, "READY=1")
            contains(heard, "STATUS=")
            if ctx.target == "gyre":
                contains(heard, f"MAINPID={server.pid}\n")
            contains(server.client()("INFO", "server"), b"process_supervised:systemd")
            contains(server.log_text(), "Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and "
                                        "TimeoutStopSec in your service unit.")
            server.stop()
            contains(notifications(listener, "STOPPING=1"), "STOPPING=1")
        os.unlink(path)


def test_an_abstract_notify_socket(ctx):
    name = f"@gyre-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name[1:])
        listener.settimeout(20)
        ctx.server("--supervised", "systemd", environment={"NOTIFY_SOCKET": name})
        contains(notifications(listener, "READY=1"), "READY=1")


def test_nobody_supervises(ctx):
    path = os.path.join(ctx.folder, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.setblocking(False)
        server = ctx.server("--supervised", "no", environment={"NOTIFY_SOCKET": path})
        contains(server.client()("INFO", "server"), b"process_supervised:no")
        server.stop()
        with raises(BlockingIOError):
            listener.recv(4096)
    for supervised, said in (("systemd", "systemd supervision error: NOTIFY_SOCKET not found!"),
                             ("upstart", "upstart supervision requested, but UPSTART_JOB not found!"), ("auto", "")):
        server = ctx.server("--supervised", supervised)
        contains(server.log_text(), said)
        contains(server.client()("INFO", "server"), b"process_supervised:no")


def title(server):
    return command_line(server)[0]


def command_line(server):
    return pathlib.Path(f"/proc/{server.pid}/cmdline").read_bytes().rstrip(b"\0").decode().split("\0")


def test_process_title(ctx):
    """What ps shows instead of the command line; it follows CONFIG SET."""
    server = ctx.server()
    client = server.client()
    name = f"{server.kind}-server"
    equal(title(server).rsplit("/", 1)[-1], f"{name} 127.0.0.1:{server.port}")
    template = "a {port} {tls-port} {listen-addr} {unixsocket} {config-file} {server-mode}"
    equal(client("CONFIG", "SET", "proc-title-template", template), Simple("OK"))
    equal(title(server), f"a {server.port} 0 127.0.0.1:{server.port}  -")
    for wrong in ("{nonsense}", "", "{title", " "):
        equal(client("CONFIG", "SET", "proc-title-template", wrong),
              Error("ERR CONFIG SET failed (possibly related to argument 'proc-title-template') - template format is invalid or "
                    "contains unknown variables"))
    equal(client("CONFIG", "SET", "proc-title-template", "{listen-addr}"), Simple("OK"))
    port = free_port()
    equal(client("CONFIG", "SET", "port", port), Simple("OK"))
    equal(title(server), f"127.0.0.1:{port}")
    equal(client("CONFIG", "SET", "proc-title-template", "x" * 5000), Simple("OK"))
    assert set(title(server)) == {"x"}, title(server)
    equal(client("PING"), Simple("PONG"))


def test_process_title_with_a_file_and_a_unix_socket(ctx):
    path = os.path.join(ctx.folder, "title.conf")
    place = os.path.join(ctx.folder, "s")
    pathlib.Path(path).write_text(f'port 0\nunixsocket {place}\nproc-title-template "{{listen-addr}}|{{config-file}}|{{unixsocket}}|"\n',
                                  encoding="utf-8")
    command = [binary(ctx)] if ctx.target == "gyre" else ["redis-server"]
    with subprocess.Popen([*command, path, "--save", ""], stdout=subprocess.DEVNULL, cwd=ctx.folder, env=server_environment()) as process:
        try:
            eventually(lambda: os.path.exists(place), 10, "the unix socket")
            shown = pathlib.Path(f"/proc/{process.pid}/cmdline")
            eventually(lambda: shown.read_bytes().rstrip(b"\0").decode() == f"unixsocket:{place}|{path}|{place}|", 10, "the title")
        finally:
            process.terminate()
    equal(process.returncode, 0)
    equal(os.path.exists(place), False, "the unix socket after the end")


@only("gyre")
def test_process_title_left_alone(ctx):
    server = ctx.server("--set-proc-title", "no")
    equal(command_line(server)[1:], server.command()[1:])
    equal(server.client()("CONFIG", "SET", "proc-title-template", "other"), Simple("OK"))
    equal(command_line(server)[1:], server.command()[1:])


def test_environment_survives_the_title(ctx):
    """Titles are written over the memory of arguments and environment: what was there must still be known."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        path = os.path.join(ctx.folder, "notify")
        listener.bind(path)
        listener.settimeout(20)
        server = ctx.server("--supervised", "systemd", "--proc-title-template", "x" * 3000, environment={"NOTIFY_SOCKET": path})
        notifications(listener, "READY=1")
        server.stop()
        contains(notifications(listener, "STOPPING=1"), "STOPPING=1")


def test_pidfile_in_the_foreground(ctx):
    path = os.path.join(ctx.folder, "server.pid")
    server = ctx.server("--pidfile", path)
    equal(pathlib.Path(path).read_text(encoding="ascii"), f"{server.pid}\n")
    server.stop()
    equal(os.path.exists(path), False, "the pid file after the end")
    contains(server.log_text(), "Removing the pid file.")


@only("gyre")
def test_pidfile_that_cannot_be_written(ctx):
    server = ctx.server("--pidfile", "/no/such/place/server.pid")
    contains(server.log_text(), "Failed to write PID file '/no/such/place/server.pid': No such file or directory")
    equal(server.client()("PING"), Simple("PONG"))


def test_log_levels(ctx):
    """A level shows itself and what is more important; CONFIG SET changes it."""
    server = ctx.server("--loglevel", "verbose")
    client = server.client()
    eventually(lambda: "Accepted 127.0.0.1:" in server.log_text(), 5, "a line at verbose")
    equal(client("CONFIG", "SET", "loglevel", "warning"), Simple("OK"))
    size = len(server.log_text())
    for _ in range(3):
        server.client()("PING")
    equal(len(server.log_text()), size, "the log, with nothing to warn of")
    equal(client("CONFIG", "SET", "loglevel", "nonsense"),
          Error("ERR CONFIG SET failed (possibly related to argument 'loglevel') - argument(s) must be one of the following: "
                "debug, verbose, notice, warning"))


@only("gyre")
def test_logfile_that_cannot_be_opened(ctx):
    command = [binary(ctx), "--port", str(free_port()), "--logfile", "/no/such/place/log"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd=ctx.folder, env=server_environment())
    equal(done.returncode, 1)
    contains(done.stderr, "cannot open the log file '/no/such/place/log': No such file or directory")


@timeout(60)
def test_syslog(ctx):
    """Lines go to the log and to syslog, under the name and facility asked for."""
    if os.path.exists("/dev/log") or os.getuid() != 0:
        ctx.skip("needs to be root and to put a socket at /dev/log, where this machine has none")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("/dev/log")
        try:
            listener.settimeout(10)
            server = ctx.server("--syslog-enabled", "yes", "--syslog-ident", "a-cache", "--syslog-facility", "local5")
            heard = b""
            while b"Ready to accept connections" not in heard:
                heard = listener.recv(4096)
        finally:
            os.unlink("/dev/log")
    # 21 is local5; notice is 5.
    equal(bool(re.match(rb"<%d>.* a-cache\[%d\]: Ready to accept connections$" % (21 * 8 + 5, server.pid), heard)), True, heard)
    contains(server.log_text(), "Ready to accept connections")


@only("gyre")
@variants("release", "debug")
@timeout(60)
def test_crash_prints_backtrace_and_commands(ctx):
    """By a command, by the kernel's hand, by an assertion: the report, and the signal as the way the process ended."""
    for request, number in ((("DEBUG", "SEGFAULT"), signal.SIGSEGV), (("DEBUG", "PANIC"), signal.SIGABRT),
                            (("DEBUG", "ASSERT"), signal.SIGABRT), (None, signal.SIGSEGV), (None, signal.SIGBUS)):
        server = ctx.server()
        clients = [server.client() for _ in range(4)]
        for client in clients:
            client("SET", "before-the-crash", "v")
        if request:
            clients[0].send_command(*request)
        else:
            os.kill(server.pid, number)
        equal(server.wait(20), -number, f"how it ended after {request or number}")
        log = server.log_text()
        for part in ("GYRE BUG REPORT START", f"crashed by signal: {int(number)}", f"build/{ctx.variant}/gyre-server", "GYRE BUG REPORT END"):
            contains(log, part)
        equal(log.count(": last command set,") + log.count(": last command debug,"), 4, log)
        equal(log.count(": last command debug,"), 1 if request else 0, log)
        assert len(re.findall(r"\[0x[0-9a-f]+\]", log)) >= 3, log


@only("gyre")
@variants("release", "debug")
def test_crash_without_a_report(ctx):
    server = ctx.server()
    equal(server.client()("CONFIG", "SET", "crash-log-enabled", "no"), Simple("OK"))
    os.kill(server.pid, signal.SIGSEGV)
    equal(server.wait(20), -signal.SIGSEGV)
    equal("BUG REPORT" in server.log_text(), False)


@only("gyre")
@timeout(120)
def test_make_install(ctx):
    place = os.path.join(ctx.folder, "staged")
    # What is tested must not be built anew meanwhile: -o takes it as it is.
    command = ["make", "-C", str(ROOT), "-o", f"build/{ctx.variant}/gyre-server", "-o", f"build/{ctx.variant}/gyre-bench",
               f"VARIANT={ctx.variant}", f"DESTDIR={place}", "PREFIX=/usr", "install"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    equal(done.returncode, 0, done.stdout + done.stderr)
    installed = sorted(str(path.relative_to(place)) for path in pathlib.Path(place).rglob("*") if path.is_file())
    equal([path for path in installed if path.endswith(("bin/gyre-server", "bin/gyre-bench", "gyre.conf", ".service"))], installed)
    unit = pathlib.Path(place, "usr/lib/systemd/system/gyre-server.service").read_text(encoding="utf-8")
    contains(unit, "ExecStart=/usr/bin/gyre-server")
    contains(unit, "NoNewPrivileges=")
    said = subprocess.run([os.path.join(place, "usr/bin/gyre-server"), "--version"], capture_output=True, timeout=30, check=True).stdout
    contains(said, b"Gyre")
    for path in ("usr/share/gyre/gyre.conf", "etc/gyre/gyre.conf"):
        equal(pathlib.Path(place, path).read_bytes(), (ROOT / "gyre.conf").read_bytes())
    # Installing again leaves the operator's settings alone.
    pathlib.Path(place, "etc/gyre/gyre.conf").write_text("port 1\n", encoding="ascii")
    subprocess.run(command, capture_output=True, timeout=110, check=True)
    equal(pathlib.Path(place, "etc/gyre/gyre.conf").read_text(encoding="ascii"), "port 1\n")


@only("gyre")
@timeout(60)
def test_unit_is_what_systemd_understands_and_calls_safe(ctx):
    if not shutil.which("systemd-analyze"):
        ctx.skip("systemd-analyze is not installed")
    unit = pathlib.Path(ctx.folder, "gyre-server.service")
    text = (ROOT / "server/gyre-server.service.in").read_text(encoding="utf-8")
    # The program has to exist for the check.
    unit.write_text(text.replace("@PREFIX@/bin/gyre-server", binary(ctx)).replace("@PREFIX@", "/usr"), encoding="utf-8")
    run = {"capture_output": True, "text": True, "timeout": 50, "check": False}
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], **run)
    complaints = [line for line in (verified.stdout + verified.stderr).splitlines() if "gyre-server.service" in line]
    equal((verified.returncode, complaints), (0, []), verified.stderr)
    judged = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)], **run)
    equal(judged.returncode, 0, judged.stdout + judged.stderr)
