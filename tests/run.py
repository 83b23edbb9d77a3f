#!/usr/bin/python3
"""Runs the tests: unit tests of C modules, and end-to-end tests of a whole server. `make test` builds them first.

    tests/run.py                              everything, on build/release
    tests/run.py --variant asan --quick       a shortened run on the address sanitizer's build
    tests/run.py --target redis e2e           the end-to-end tests on redis-server itself: what tests the tests
    tests/run.py -k expire                    those with "expire" in their names
    tests/run.py --list

Suites: unit (build/VARIANT/tests/test_*, criterion), e2e (tests/e2e/test_*.py, and the CASES of tests/e2e/cases_*.py). The
last line is "N passed, N failed"; exit status 0 only when nothing failed and something passed. With --tally FILE
the counts go to that file instead, for a caller that adds several runs up.
"""
import argparse
import importlib
import os
import pathlib
import queue
import random
import re
import resource
import subprocess
import sys
import threading
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
sys.dont_write_bytecode = True

import fixture  # noqa: E402
import harness  # noqa: E402

UNIT_TIMEOUT_S = 300


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", help="unit, e2e, or names of e2e modules (default: all)")
    parser.add_argument("--variant", default="release")
    parser.add_argument("--target", default="gyre", choices=("gyre", "redis"))
    parser.add_argument("--quick", action="store_true", help="leave slow tests out and repeat less")
    parser.add_argument("--jobs", type=int, default=2 * os.cpu_count(),
                        help="how many at once (default: two a core, for most of them mostly wait)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--tally", help="add the counts to this file instead of printing the last line")
    parser.add_argument("-k", dest="pattern", default="", help="a regular expression that names must match")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--verbose", action="store_true", help="print passed tests too, with the time they took")
    return parser.parse_args()


class Report:
    """Collects results from several threads and prints failures as they come."""

    def __init__(self, options):
        self.lock, self.options = threading.Lock(), options
        self.passed, self.failed, self.skipped = 0, [], 0

    def add(self, name, verdict, text, seconds):
        with self.lock:
            if verdict == "ok":
                self.passed += 1
            elif verdict == "skip":
                self.skipped += 1
            else:
                self.failed.append(name)
                print(f"FAILED {name} ({seconds:.1f} s)\n    " + text.strip().replace("\n", "\n    "), flush=True)
            if self.options.verbose and verdict != "fail":
                print(f"{verdict:6} {name} ({seconds:.1f} s) {text}", flush=True)

    def finish(self):
        if not self.passed and not self.failed:
            self.failed.append("no test was run")
        for name in self.failed:
            print(f"failed: {name}")
        where = self.options.variant if self.options.target == "gyre" else "redis-server"
        print(f"{where}: {self.skipped} left out, seed {self.options.seed}", flush=True)
        if self.options.tally:
            with open(self.options.tally, "a", encoding="ascii") as tally:
                tally.write(f"{self.passed} {len(self.failed)}\n")
        else:
            print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)
        return 1 if self.failed else 0


def unit_jobs(options):
    """One job a test binary."""
    for path in sorted((ROOT / "build" / options.variant / "tests").glob("test_*")):
        if path.suffix == "" and (ROOT / "tests" / "unit" / (path.name + ".c")).exists():
            yield f"unit.{path.name}", lambda report, path=path: run_unit(path, options, report)


def run_unit(path, options, report):
    command = [str(path)]
    if options.variant != "tsan":  # there the runner is our own: tests/tools/plain_criterion.c
        command += ["--tap=-", "-j1", "--timeout", "120", "-q"]
    environment = fixture.server_environment()
    try:
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, timeout=UNIT_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return report.add(f"unit.{path.name}", "fail", f"took longer than {UNIT_TIMEOUT_S} s", UNIT_TIMEOUT_S)
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    results = re.findall(r"^(ok|not ok) - (\S+)", text, re.MULTILINE)
    bad = [name for verdict, name in results if verdict != "ok"]
    for verdict, name in results:
        detail = text[-6000:] if verdict != "ok" and name == bad[0] else ""
        report.add(f"unit.{name}", "ok" if verdict == "ok" else "fail", detail, 0)
    if (done.returncode != 0 and not bad) or not results:
        report.add(f"unit.{path.name}", "fail", f"exit status {done.returncode}\n{text[-6000:]}", 0)
    return None


def e2e_jobs(options):
    """One job a test function, in the order written; those marked `alone` are told apart by the caller."""
    for path in sorted((ROOT / "tests" / "e2e").glob("test_*.py")):
        if options.suites and not {"e2e", path.stem, path.stem.removeprefix("test_")} & set(options.suites):
            continue
        try:
            module = importlib.import_module(path.stem)
        except Exception:  # pylint: disable=broad-except
            problem = traceback.format_exc()
            yield path.stem, lambda report, n=path.stem, p=problem: report.add(n, "fail", p, 0), None
            continue
        for name, function in list(vars(module).items()):
            if name.startswith("test_") and callable(function) and wanted(function, options):
                label = f"{path.stem.removeprefix('test_')}.{name.removeprefix('test_')}"
                yield label, lambda report, f=function, l=label: run_e2e(f, l, options, report), function


def wanted(function, options):
    if options.quick and getattr(function, "slow", False):
        return False
    if options.target not in getattr(function, "targets", ("gyre", "redis")):
        return False
    return options.target == "redis" or options.variant in getattr(function, "variants", (options.variant,))


def run_e2e(function, label, options, report):
    slower = 4 if options.variant in ("asan", "tsan") else 1
    seconds = getattr(function, "timeout", harness.TIMEOUT_S) * slower
    results, took = harness.run_in_child(function, options, seconds)
    for name, verdict, text in results:
        report.add(label + (f"::{name}" if name else ""), verdict, text, took)


def run_jobs(jobs, count, report):
    """Runs jobs on `count` threads (each waits for a process of its own)."""
    waiting = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)

    def work():
        while True:
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                return
            job(report)

    threads = [threading.Thread(target=work) for _ in range(max(1, count))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main():
    options = arguments()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    together, alone = [], []
    if options.target == "gyre" and (not options.suites or "unit" in options.suites):
        together += list(unit_jobs(options))
    for label, job, function in e2e_jobs(options) if options.suites != ["unit"] else ():
        (alone if getattr(function, "alone", False) else together).append((label, job))
    chosen = [[(l, j) for l, j in jobs if re.search(options.pattern, l)] for jobs in (together, alone)]
    if options.list:
        print("\n".join(label for jobs in chosen for label, _ in jobs))
        return 0
    report = Report(options)
    run_jobs([job for _, job in chosen[0]], options.jobs, report)
    run_jobs([job for _, job in chosen[1]], 1, report)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
