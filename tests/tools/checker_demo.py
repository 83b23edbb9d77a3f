#!/usr/bin/python3
"""Shows that the history checker finds a broken server.

Runs gyre-history against build/broken/gyre-server, which was built with faults to choose from (-DBREAK_HOLDS,
server/broken.h), once for each fault and the profile that is to find it. Prints the violations found. Exit status 0 only
when the broken server was convicted each time, within the time given.
"""
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
sys.dont_write_bytecode = True

from fixture import Server  # noqa: E402
from harness import eventually  # noqa: E402

SECONDS = "20"

# What is broken (server/broken.h), and the profile that has to find it.
FAULTS = (("keys", "rounds"), ("keys", "windows"), ("exec", "accounts"), ("exec", "moves"), ("watch", "accounts"), ("order", "queues"), ("lose", "queues"),
          ("pieces", "replicas"), ("skip", "replicas"), ("swap", "replicas"), ("loads", "replicas"))
MANY = {profile: ("--threads", "8", "--connections", "16") for profile in ("accounts", "moves", "queues")}


def load_anew(primary, replica):
    """The replica gets everything, and has no room for it beside what it holds."""
    replica.client()("CONFIG", "SET", "maxmemory", "1mb")
    primary.client()("DEBUG", "POPULATE", 100000, "filler", 100)
    primary.client()("DEBUG", "CHANGE-REPL-ID")
    primary.client()("CLIENT", "KILL", "TYPE", "replica")


def run(fault, profile):
    servers = [Server("gyre", "broken", ["--shards", "4", "--repl-diskless-sync-delay", "0"], environment={"GYRE_BROKEN": fault})]
    more = list(MANY.get(profile, ()))
    try:
        if profile == "replicas":
            options = ["--shards", "4", "--replicaof", f"127.0.0.1 {servers[0].port}"]
            servers.append(Server("gyre", "broken", options, environment={"GYRE_BROKEN": fault}))
            eventually(lambda: "master_link_status:up" in servers[1].client()("INFO", "replication").decode(), 20, "the link")
            more += ["--replica", str(servers[1].port)]
        command = [str(ROOT / "build/release/gyre-history"), "--port", str(servers[0].port), "--profile", profile, "--seconds", SECONDS]
        with subprocess.Popen([*command, *more], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            while profile == "replicas" and process.poll() is None:
                time.sleep(1)
                load_anew(*servers)
            said, _ = process.communicate(timeout=120)
        return subprocess.CompletedProcess(command, process.returncode, said, "")
    finally:
        for server in servers:
            server.kill()


def main():
    convicted = 0
    for fault, profile in FAULTS:
        done = run(fault, profile)
        print(f"--- {profile}, with the fault '{fault}': exit status {done.returncode}")
        print(done.stdout + done.stderr)
        convicted += done.returncode == 1
    print(f"the broken server was convicted in {convicted} of {len(FAULTS)} cases")
    return 0 if convicted == len(FAULTS) else 1


if __name__ == "__main__":
    sys.exit(main())
