"""servers.py: what the measuring scripts share: servers started side by side, a small RESP client, CPU and memory of a process.

Only Debian's own parts are needed: redis-server, redis-benchmark, /usr/bin/python3.
"""
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def encode(*args):
    args = [a if isinstance(a, bytes) else str(a).encode() for a in args]
    return b"*%d\r\n" % len(args) + b"".join(b"$%d\r\n%s\r\n" % (len(a), a) for a in args)


class Client:
    """One connection; call it like a function: client("GET", "k")."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 20)

    def send(self, data):
        self.socket.sendall(data)

    def read(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        return int(rest) if kind == b":" else rest

    def __call__(self, *args):
        self.send(encode(*args))
        return self.read()

    def info(self, field):
        return re.search(rb"^%s:(.*?)\r$" % field.encode(), self("INFO", "everything"), re.M).group(1).decode()


class Server:
    """gyre or redis on a free port, in a folder of its own; ended by its own pid. Any other kind of server needs the command that
    starts it, with {port} in it."""

    def __init__(self, kind, *options, cpus=None, command=None):
        self.kind, self.port, self.folder = kind, free_port(), tempfile.TemporaryDirectory()
        if command:
            words = [word.replace("{port}", str(self.port)) for word in shlex.split(command)]
            binary = shutil.which(words[0]) or words[0]
        else:
            words = [f"{kind}-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", *options]
            # Debian's redis-tools has the server under another name; the binary goes by what it is called.
            redis = shutil.which("redis-server") or shutil.which("redis-check-rdb")
            binary = str(ROOT / "build/release/gyre-server") if kind == "gyre" else redis
        pin = (lambda: os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})) if cpus else None
        self.process = subprocess.Popen(words, executable=binary, cwd=self.folder.name, stdout=subprocess.DEVNULL, preexec_fn=pin)
        self.pid = self.process.pid
        for _ in range(100):
            try:
                self.client = Client(self.port)
                self.client("PING")
                return
            except (OSError, RuntimeError):  # not there yet, or still loading
                time.sleep(0.05)
        raise SystemExit(f"{kind} does not answer")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.folder.cleanup()

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_bytes(self):
        return int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text(), re.M).group(1)) * 1024
