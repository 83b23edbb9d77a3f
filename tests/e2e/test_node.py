"""ioredis and node-redis, at the versions of node/package-lock.json, installed by tests/tools/install-node-clients.sh."""
import json
import pathlib
import shutil
import subprocess

from harness import group, timeout

NODE = pathlib.Path(__file__).parent / "node"


def run_checks(ctx, script):
    if not shutil.which("node"):
        raise AssertionError("there is no node: tests/tools/install-deps.sh test")
    if not (NODE / "node_modules").exists():
        raise AssertionError("the clients are not installed: tests/tools/install-node-clients.sh")
    server = ctx.server()
    # The oracle is a 7.0, which has no CLIENT SETINFO.
    knows = "7.0" if ctx.target == "redis" else "7.2"
    command = ["node", script, str(server.port), knows]
    done = subprocess.run(command, cwd=NODE, capture_output=True, text=True, timeout=200, check=False)
    count = 0
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            result = json.loads(line)
            count += 1
            yield result["name"], result["problem"]
    yield "ran to its end", None if count and done.returncode == 0 else done.stdout[-2000:] + done.stderr[-2000:]


@group
@timeout(240)
def test_ioredis(ctx):
    yield from run_checks(ctx, "ioredis.mjs")


@group
@timeout(240)
def test_node_redis(ctx):
    yield from run_checks(ctx, "node_redis.mjs")
