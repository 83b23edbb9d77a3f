"""What tests are written with: the context they get and the marks they carry; and how one is run.

A test is a function `test_...(ctx)` of a module e2e/test_*.py. It passes when it returns, fails when it raises, and is
skipped when it calls ctx.skip. Each runs in a process group of its own, so that a time-out or a crash takes
nothing else along and no server outlives its test.
"""
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback

from fixture import Server

TIMEOUT_S = 60
# One fork at a time: otherwise a child would inherit the writing end of another's pipe, which then never ends.
FORKING = threading.Lock()


class Skip(Exception):
    pass


def timeout(seconds):
    """The test may take this long (four times that under a sanitizer)."""
    return _mark("timeout", seconds)


def only(*targets):
    """For a test of what only gyre-server has, or (rarely) only redis-server."""
    return _mark("targets", targets)


def slow(function):
    """Left out of quick runs (those of the sanitizer variants in CI)."""
    function.slow = True
    return function


def alone(function):
    """Runs while no other test does: it measures time, or needs the memory."""
    function.alone = True
    return function


def variants(*names):
    """Makes sense for these variants only, for example because a sanitizer's memory use would hide the answer."""
    return _mark("variants", names)


def group(function):
    """The test is a generator: it yields (name, problem or None) for each of many small tests."""
    function.group = True
    return function


def _mark(name, value):
    def mark(function):
        setattr(function, name, value)
        return function

    return mark


class Context:
    """What a test gets: servers on demand, all of them stopped and checked when it ends."""

    def __init__(self, options):
        self.target, self.variant = options.target, options.variant
        self.quick, self.seed = options.quick, options.seed
        self.folder = tempfile.mkdtemp(prefix="gyre-test-")
        self.servers = []

    def server(self, *options, kind=None, **more):
        """The server under test, with 4 shards unless the options say otherwise."""
        kind = kind or self.target
        if kind == "gyre" and "--shards" not in options:
            options = ("--shards", "4", *options)
        server = Server(kind, self.variant, options, parent=self.folder, **more)
        self.servers.append(server)
        return server

    def oracle(self, *options, **more):
        """A redis-server to compare with."""
        return self.server(*options, kind="redis", **more)

    def client(self, *options):
        """A connection to a server of its own."""
        return self.server(*options).client()

    @property
    def sanitized(self):
        return self.target == "gyre" and self.variant in ("asan", "tsan")

    def scaled(self, count):
        """A number of repetitions, cut down where everything is slow."""
        return max(1, count // (8 if self.sanitized else 1) // (4 if self.quick else 1))

    @staticmethod
    def skip(why):
        raise Skip(why)

    def finish(self):
        """Stops what still runs; the first server that ended badly is what is raised."""
        problem = None
        for server in self.servers:
            try:
                if server.process.returncode is None:
                    server.stop()
            except AssertionError as error:
                problem = problem or error
        if problem:
            raise problem

    def tails(self):
        return "\n".join(f"--- log of {s.kind}-server, port {s.port}:\n{s.tail(30)}" for s in self.servers if s.kind == self.target)


def eventually(check, seconds=10, what="the condition"):
    """Waits until check() is true, and fails after so many seconds. Returns what check gave."""
    end = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {seconds} s (last: {result!r})")
        time.sleep(0.02)


def equal(got, expected, what=""):
    if got != expected:
        raise AssertionError(f"{what}{': ' if what else ''}expected {expected!r}\n   but got {got!r}")


def contains(text, part):
    if part not in text:
        raise AssertionError(f"{part!r} is not in\n{text}")


@contextlib.contextmanager
def raises(kind):
    """The block has to raise `kind`."""
    try:
        yield
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised")


def _results(function, context):
    """Runs a test here and gives its results: (name below the test's own or "", problem or None or Skip)."""
    if not getattr(function, "group", False):
        function(context)
        return [("", None)]
    return list(function(context))


def run_in_child(function, options, seconds):
    """Runs a test in a forked process. Returns ([(subname, "ok" | "fail" | "skip", text)], seconds taken)."""
    began = time.monotonic()
    with FORKING:
        reader, writer = os.pipe()
        output = tempfile.TemporaryFile()
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            _child(function, options, reader, writer, output)
        os.close(writer)
    status = _wait(child, seconds)
    with open(reader, encoding="utf-8") as pipe:
        answer = pipe.read()
    results = json.loads(answer) if answer.endswith("]") else []
    if status is None:
        results.append(("", "fail", f"took longer than {seconds:.0f} s"))
    elif status != 0 or not results:
        results.append(("", "fail", f"the test's process ended with status {status}"))
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what it started; its group still exists while any of that lives
    output.seek(0)
    said = output.read().decode("utf-8", "replace")[-4000:]
    results = [(n, v, (t + ("\n--- output:\n" + said if said and v == "fail" else ""))) for n, v, t in results]
    shutil.rmtree(os.path.join(tempfile.gettempdir(), f"gyre-test-{child}"), ignore_errors=True)
    return results, time.monotonic() - began


def _child(function, options, reader, writer, output):
    os.setpgid(0, 0)
    os.close(reader)
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    tempfile.tempdir = os.path.join(tempfile.gettempdir(), f"gyre-test-{os.getpid()}")
    os.makedirs(tempfile.tempdir, exist_ok=True)
    context = Context(options)
    results, problem = [], None
    try:
        results = [(name, "fail" if text else "ok", text or "") for name, text in _results(function, context)]
    except Skip as why:
        results = [("", "skip", str(why))]
    except BaseException:  # pylint: disable=broad-except
        problem = traceback.format_exc() + context.tails()
    try:
        context.finish()
    except BaseException as error:  # pylint: disable=broad-except
        problem = (problem + "\n" if problem else "") + str(error)
    if problem:
        results = [r for r in results if r[0]] + [("", "fail", problem)]
    with open(writer, "w", encoding="utf-8") as pipe:
        json.dump(results, pipe)
    sys.stdout.flush()
    os._exit(0)


def _wait(child, seconds):
    """The child's exit status (negative: a signal), or None when it had to be killed for taking too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None
