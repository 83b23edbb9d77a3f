#!/usr/bin/python3
"""Shows that the history checker finds a broken server.

Runs gyre-history against build/broken/gyre-server, which was built so that commands of several keys run without
their holds (-DBREAK_HOLDS), and against build/release/gyre-server for comparison when that is there. Prints the violation
that it found. Exit status 0 only when the broken server was convicted, in both profiles, within the time given.
"""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
sys.dont_write_bytecode = True

from fixture import Server  # noqa: E402

SECONDS = "20"


def run(variant, profile, seconds):
    server = Server("gyre", variant, ["--shards", "4"])
    try:
        command = [str(ROOT / "build/release/gyre-history"), "--port", str(server.port), "--profile", profile, "--seconds", seconds]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    finally:
        server.kill()


def main():
    convicted = 0
    for profile in ("rounds", "windows"):
        done = run("broken", profile, SECONDS)
        print(f"--- {profile}, commands of several keys without their holds: exit status {done.returncode}")
        print(done.stdout + done.stderr)
        convicted += done.returncode == 1
    print(f"the broken server was convicted in {convicted} of 2 profiles")
    return 0 if convicted == 2 else 1


if __name__ == "__main__":
    sys.exit(main())
