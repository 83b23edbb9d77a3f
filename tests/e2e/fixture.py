"""Server processes for tests: gyre-server of a build variant, or redis-server, the oracle.

Each runs on a free loopback port in an empty folder of its own, and is stopped by its pid. Stopping checks that it
ends by itself, with exit status 0, and that its log holds no crash, failed assertion or sanitizer report: a test
that leaves a broken server behind fails, whatever else it saw.
"""
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from resp import Client

ROOT = pathlib.Path(__file__).resolve().parents[2]

# In a log, these mean that the server broke.
TROUBLE = re.compile(
    r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:|"
    r"assertion failed|ASSERTION|BUG REPORT|crashed by signal|Segmentation fault",
    re.IGNORECASE,
)

# What redis-server does not know, with the number of values that follow.
GYRE_OPTIONS = {"--shards": 1, "--server-cpulist": 1, "--strict-config": 0}

SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99:handle_abort=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    # A start that fails exits at once, with the threads that it had made.
    "TSAN_OPTIONS": f"exitcode=66:halt_on_error=0:report_thread_leaks=0:suppressions={ROOT}/tests/tools/tsan.supp",
    "LSAN_OPTIONS": f"suppressions={ROOT}/tests/tools/lsan.supp",
}


def server_environment(**more):
    """The environment for a server of any variant."""
    return dict(os.environ, **SANITIZER_ENVIRONMENT, **more)


def free_port():
    """A port that nobody listens on just now, outside the range from which the kernel gives ports to clients."""
    for _ in range(200):
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port found")


def redis_server_path(folder):
    """redis-server. Where only redis-tools is installed (which starts no service), it is redis-check-rdb by another
    name: one program, which looks at the name it is called by."""
    found = shutil.which("redis-server")
    if found:
        return found
    link = pathlib.Path(folder) / "redis-server"
    if not link.exists():
        link.symlink_to(shutil.which("redis-check-rdb") or "/usr/bin/redis-check-rdb")
    return str(link)


class Server:
    """A running server. Use `client()` for connections; `stop()` ends it and raises if it did not end well."""

    def __init__(self, kind, variant="release", options=(), parent=None, environment=None, config=None):
        self.kind, self.variant = kind, variant
        self.folder = tempfile.mkdtemp(prefix=f"{kind}-", dir=parent)
        self.log = os.path.join(self.folder, "log")
        self.options = [str(option) for option in options]
        self.config = config
        self.environment = server_environment(**(environment or {}))
        self.process = None
        self.start()

    def command(self):
        if self.kind == "redis":
            words = [redis_server_path(self.folder)]
        else:
            words = [str(ROOT / "build" / self.variant / "gyre-server")]
        if self.config is not None:
            path = os.path.join(self.folder, "server.conf")
            if not os.path.exists(path):
                pathlib.Path(path).write_text(self.config, encoding="utf-8")
            words.append(path)
        given = set(self.options)
        for name, value in (("--bind", "127.0.0.1"), ("--save", ""), ("--enable-debug-command", "yes")):
            if name not in given:
                words += [name, value]
        words += ["--port", str(self.port), "--dir", self.folder]
        options = list(self.options)
        while options:
            word = options.pop(0)
            if self.kind == "redis" and word in GYRE_OPTIONS:
                del options[: GYRE_OPTIONS[word]]
            else:
                words.append(word)
        return words

    def start(self):
        """Starts (again). Another process may take the port between the look and the start: then another is tried."""
        for _ in range(5):
            self.port = free_port()
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    self.command(), cwd=self.folder, env=self.environment,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                )
            if self._answers():
                return
            if "in use" not in self.log_text():
                break
        raise RuntimeError(f"{' '.join(self.command())}\ndid not start:\n{self.log_text()}")

    def _answers(self):
        end = time.monotonic() + (15 if self.variant in ("release", "debug") else 60)
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            try:
                with Client(self.port, timeout=5) as client:
                    client("PING")  # any reply will do: NOAUTH is one
                    return True
            except OSError:
                time.sleep(0.01)
        return False

    @property
    def pid(self):
        return self.process.pid

    def client(self, **more):
        return Client(self.port, **more)

    def log_text(self):
        return pathlib.Path(self.log).read_text(encoding="utf-8", errors="replace")

    def memory(self):
        """Resident bytes."""
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def alive(self):
        return self.process.poll() is None

    def wait(self, timeout=30):
        """Waits for the process to end by itself. Returns its exit status."""
        return self.process.wait(timeout)

    def kill(self):
        if self.alive():
            self.process.kill()
            self.process.wait()

    def stop(self, expect=0, timeout=30):
        """Asks the server to end (SIGTERM, unless it has ended already) and checks how it did."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout * (1 if self.variant in ("release", "debug") else 4))
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            time.sleep(1)
            self.kill()
            raise AssertionError(f"{self.kind}-server did not end within {timeout} s of SIGTERM:\n{self.tail()}") from None
        if status != expect:
            raise AssertionError(f"{self.kind}-server ended with {status}, not {expect}:\n{self.tail()}")
        found = TROUBLE.search(self.log_text())
        if found:
            raise AssertionError(f"{self.kind}-server's log has '{found.group()}':\n{self.tail(200)}")

    def tail(self, lines=60):
        return "\n".join(self.log_text().splitlines()[-lines:])
