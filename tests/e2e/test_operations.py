"""The process as an operator meets it: starting, logging, signals, supervision, limits, crashes, installing."""
import ctypes
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import time

from fixture import ROOT, free_port, server_environment
from harness import contains, equal, eventually, only, timeout, variants
from resp import Client, Simple


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


def test_sigint_ends_as_sigterm_does(ctx):
    server = ctx.server()
    server.client()("SET", "k", "v")
    os.kill(server.pid, signal.SIGINT)
    equal(server.wait(), 0)


def test_sigpipe_and_sigusr_do_no_harm(ctx):
    server = ctx.server()
    for number in (signal.SIGPIPE, signal.SIGCONT):
        os.kill(server.pid, number)
    equal(server.client()("PING"), Simple("PONG"))


@timeout(60)
def test_systemd_is_notified(ctx):
    path = os.path.join(ctx.folder, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(20)
        server = ctx.server("--supervised", "systemd", environment={"NOTIFY_SOCKET": path})
        heard = listener.recv(4096).decode()
        while "READY=1" not in heard:
            heard += listener.recv(4096).decode()
        pid = server.pid
        server.stop()
        contains(heard, f"MAINPID={pid}\n")
        while "STOPPING=1" not in heard:
            heard += listener.recv(4096).decode()


# seccomp: system call number at offset 0; io_uring_setup (425) fails with EPERM, everything else is allowed.
FILTER = b"".join(struct.pack("HBBI", *step) for step in ((0x20, 0, 0, 0), (0x15, 0, 1, 425), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)))


def without_io_uring():
    """As some containers are: called in the child before it becomes the server."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(FILTER)
    program = struct.pack("HxxxxxxP", len(FILTER) // 8, ctypes.addressof(buffer))
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    if libc.prctl(22, 2, program, 0, 0) != 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        os._exit(99)


@only("gyre")
def test_refused_io_uring_is_explained_in_a_line(ctx):
    command = [binary(ctx), "--port", str(free_port()), "--dir", ctx.folder, "--save", ""]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                          env=server_environment(), preexec_fn=without_io_uring)
    equal(done.returncode, 1, done.stdout + done.stderr)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if "io_uring" in line]
    for part in ("kernel.io_uring_disabled", "seccomp"):
        equal(any(part in line for line in lines), True, f"{part}: {lines}")


@only("gyre")
@variants("release", "debug")
@timeout(60)
def test_crash_prints_backtrace_and_commands(ctx):
    server = ctx.server()
    client = server.client()
    client("SET", "before-the-crash", "v")
    client.send_command("DEBUG", "SEGFAULT")
    equal(server.wait(20) < 0, True, "ended by a signal")
    log = server.log_text()
    for part in ("signal 11", "gyre-server", "last command debug"):
        contains(log, part)
    assert re.search(r"0x[0-9a-f]+", log), log


@only("gyre")
@timeout(120)
def test_make_install(ctx):
    place = os.path.join(ctx.folder, "staged")
    # What is tested must not be built anew meanwhile: -o takes it as it is.
    command = ["make", "-C", str(ROOT), "-o", f"build/{ctx.variant}/gyre-server", f"VARIANT={ctx.variant}", f"DESTDIR={place}", "PREFIX=/usr", "install"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    equal(done.returncode, 0, done.stdout + done.stderr)
    installed = sorted(str(path.relative_to(place)) for path in pathlib.Path(place).rglob("*") if path.is_file())
    equal([path for path in installed if path.endswith(("bin/gyre-server", "gyre.conf", ".service"))], installed)
    unit = pathlib.Path(place, "usr/lib/systemd/system/gyre-server.service").read_text(encoding="utf-8")
    contains(unit, "ExecStart=/usr/bin/gyre-server")
    contains(unit, "NoNewPrivileges=")
    said = subprocess.run([os.path.join(place, "usr/bin/gyre-server"), "--version"], capture_output=True, timeout=30, check=True).stdout
    contains(said, b"Gyre")


@timeout(60)
def test_shutdown_while_clients_work(ctx):
    server = ctx.server()
    clients = [server.client() for _ in range(20)]
    end = time.monotonic() + 1
    while time.monotonic() < end:
        for number, client in enumerate(clients):
            client.send_command("INCR", f"k{number}")
    os.kill(server.pid, signal.SIGTERM)
    equal(server.wait(20), 0)
