"""What the system allows: open files, locked memory, io_uring refused, the score of the out-of-memory killer."""
import ctypes
import os
import pathlib
import random
import resource
import struct
import subprocess
import time

from fixture import ROOT, free_port, server_environment
from harness import contains, equal, only, timeout, variants
from resp import Client, Error, Simple

def binary(ctx):
    return str(ROOT / "build" / ctx.variant / "gyre-server") if ctx.target == "gyre" else "redis-server"


def limited(kind, amount):
    """For a child before it becomes the server: a limit that it cannot raise again, for root has its privileges taken away.
    Each time it is another user: what one's rings had locked is given back only some time after their end."""
    user = random.SystemRandom().randrange(100000, 1 << 30)

    def prepare():
        resource.setrlimit(kind, (amount, amount))
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)

    return prepare


class Started:
    """A server that is not the fixture's: it has to run as somebody else, or may not start at all."""

    def __init__(self, ctx, prepare, *words):
        self.port = free_port()
        if not os.access("/", os.X_OK):
            ctx.skip("the file system cannot be read by others")
        command = [binary(ctx), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", "/tmp", "--save", "", *words]
        if ctx.target == "gyre" and "--shards" not in words:
            command += ["--shards", "4"]
        self.process = subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, env=server_environment(), preexec_fn=prepare)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def client(self):
        end = time.monotonic() + 20
        while True:
            try:
                return Client(self.port)
            except OSError:
                assert self.process.poll() is None, self.process.communicate()[0]
                assert time.monotonic() < end, "it does not answer"
                time.sleep(0.02)

    def end(self):
        """Its exit status and what it said."""
        if self.process.poll() is None:
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                self.process.terminate()
        said = self.process.communicate(timeout=30)[0]
        return self.process.returncode, said


@timeout(60)
def test_open_files_lower_maxclients(ctx):
    with Started(ctx, limited(resource.RLIMIT_NOFILE, 300)) as server:
        client = server.client()
        name, value = client("CONFIG", "GET", "maxclients")
        reserved = 32 + (4 * 5 if ctx.target == "gyre" else 0)
        equal((name, int(value)), (b"maxclients", 300 - reserved))
        equal(client("CONFIG", "SET", "maxclients", "20000"),
              Error("ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system is not able to handle the "
                    f"specified number of clients, try with {int(value)}"))
        equal(client("CONFIG", "GET", "maxclients"), [b"maxclients", value])
        equal(client("CONFIG", "SET", "maxclients", "100"), Simple("OK"))
        _, said = server.end()
        contains(said, f"You requested maxclients of 10000 requiring at least {10000 + reserved} max file descriptors.")
        contains(said, "Current maximum open files is 300")
        contains(said, "'ulimit -n'")


@only("gyre")
@timeout(60)
def test_clients_up_to_the_limit_of_open_files(ctx):
    """The number that the server works out is one that it can really serve."""
    with Started(ctx, limited(resource.RLIMIT_NOFILE, 120)) as server:
        client = server.client()
        allowed = int(client("CONFIG", "GET", "maxclients")[1])
        others = [server.client() for _ in range(allowed - 1)]
        for other in others:
            equal(other("PING"), Simple("PONG"))
        refused = server.client()
        equal(refused.read(), Error("ERR max number of clients reached"))
        equal(client("PING"), Simple("PONG"))


@timeout(60)
def test_too_few_open_files_to_start(ctx):
    with Started(ctx, limited(resource.RLIMIT_NOFILE, 25)) as server:
        status, said = server.end()
        equal(status, 1, said)
        contains(said, "Your current 'ulimit -n' of 25 is not enough for the server to start. Please increase your open file limit to at least ")


@only("gyre")
@variants("release", "debug")
@timeout(60)
def test_rings_fit_into_the_memory_that_may_be_locked(ctx):
    """Many shards start within the limit of 8 MiB that Debian gives to everyone, and within less."""
    for kilobytes, shards in ((8192, 64), (2048, 16)):
        with Started(ctx, limited(resource.RLIMIT_MEMLOCK, kilobytes * 1024), "--shards", str(shards)) as server:
            equal(server.client()("PING"), Simple("PONG"))
            status, said = server.end()
            equal(status, 0, said)


@only("gyre")
@timeout(60)
def test_too_little_lockable_memory_is_explained_in_a_line(ctx):
    with Started(ctx, limited(resource.RLIMIT_MEMLOCK, 0)) as server:
        status, said = server.end()
        equal(status, 1, said)
        lines = [line for line in said.splitlines() if "io_uring" in line]
        equal(len(lines), 1, said)
        for part in ("RLIMIT_MEMLOCK is 0 bytes", "ulimit -l unlimited", "LimitMEMLOCK=infinity"):
            contains(lines[0], part)


IO_URING_SETUP, IO_URING_ENTER, IO_URING_REGISTER = 425, 426, 427
EPERM, ENOSYS, EACCES = 1, 38, 13


def without(system_call, error):
    """As some containers are: the system call fails, everything else is allowed. Called in the child before it becomes the server."""
    steps = ((0x20, 0, 0, 0), (0x15, 0, 1, system_call), (0x06, 0, 0, 0x00050000 | error), (0x06, 0, 0, 0x7FFF0000))

    def prepare():
        libc = ctypes.CDLL(None, use_errno=True)
        code = b"".join(struct.pack("HBBI", *step) for step in steps)
        buffer = ctypes.create_string_buffer(code)
        program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(buffer))
        libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        if libc.prctl(22, 2, program, 0, 0) != 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
            os._exit(99)

    return prepare


@only("gyre")
@timeout(60)
def test_refused_io_uring_is_explained_in_a_line(ctx):
    for system_call, error, parts in (
        (IO_URING_SETUP, EPERM, ("seccomp", "--security-opt seccomp=unconfined", "kernel.io_uring_disabled")),
        (IO_URING_SETUP, EACCES, ("seccomp", "--security-opt seccomp=unconfined")),
        (IO_URING_SETUP, ENOSYS, ("ENOSYS", "Linux 6.1", "seccomp")),
        (IO_URING_REGISTER, EPERM, ("Operation not permitted",)),
    ):
        with Started(ctx, without(system_call, error)) as server:
            status, said = server.end()
            equal(status, 1, said)
            lines = [line for line in said.splitlines() if "io_uring" in line]
            equal(len(lines), 1, said)
            for part in parts:
                contains(lines[0], part)


@only("gyre")
@timeout(60)
def test_io_uring_disabled_by_the_kernel_is_explained(ctx):
    """Only where somebody has disabled it: the setting is the whole machine's, and not for a test to change."""
    try:
        disabled = pathlib.Path("/proc/sys/kernel/io_uring_disabled").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        ctx.skip("this kernel has no kernel.io_uring_disabled")
    if disabled == "0" or (disabled == "1" and os.getuid() == 0):
        ctx.skip("io_uring is not disabled here")
    with Started(ctx, None) as server:
        status, said = server.end()
        equal(status, 1, said)
        contains(said, f"kernel.io_uring_disabled={disabled}")


def score(pid):
    return int(pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text(encoding="ascii"))


def test_oom_score(ctx):
    before = score("self")
    server = ctx.server("--oom-score-adj", "relative", "--oom-score-adj-values", "7", "200", "800")
    client = server.client()
    equal(score(server.pid), before + 7)
    equal(client("CONFIG", "SET", "oom-score-adj-values", "12 200 800"), Simple("OK"))
    equal(score(server.pid), before + 12)
    equal(client("CONFIG", "SET", "oom-score-adj", "absolute", "oom-score-adj-values", "900 900 900"), Simple("OK"))
    equal(score(server.pid), 900)
    equal(client("CONFIG", "GET", "oom-score-adj"), [b"oom-score-adj", b"absolute"])
    equal(client("CONFIG", "SET", "oom-score-adj", "yes", "oom-score-adj-values", "2000 2000 2000"), Simple("OK"))
    equal(score(server.pid), 1000)
    equal(client("CONFIG", "SET", "oom-score-adj-values", "2001 0 0"),
          Error("ERR CONFIG SET failed (possibly related to argument 'oom-score-adj-values') - Invalid oom-score-adj-values, elements must "
                "be between -2000 and 2000."))
    equal(client("CONFIG", "SET", "oom-score-adj", "no"), Simple("OK"))
    equal(score(server.pid), before)


@timeout(60)
def test_oom_score_that_needs_a_privilege(ctx):
    with Started(ctx, limited(resource.RLIMIT_CORE, 0)) as server:
        client = server.client()
        equal(client("CONFIG", "SET", "oom-score-adj", "absolute", "oom-score-adj-values", "-500 0 0"),
              Error("ERR CONFIG SET failed (possibly related to argument 'oom-score-adj') - Failed to set current oom_score_adj. Check server "
                    "logs."))
        equal(client("CONFIG", "GET", "oom-score-adj"), [b"oom-score-adj", b"no"])
        _, said = server.end()
        contains(said, "Unable to write oom_score_adj: Permission denied")
        contains(said, "Failed applying new configuration. Possibly related to new oom-score-adj setting. Restoring previous settings.")
