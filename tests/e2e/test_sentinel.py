"""redis-sentinel watches servers of this kind: it finds the replicas, and after the primary's end promotes one and hangs the other
behind it."""
import os
import shutil
import subprocess
import tempfile
import time

from fixture import free_port, redis_server_path
from harness import contains, equal, eventually, only, slow, timeout
from resp import Client
from test_replication_primary import info

CONFIG = """port {port}
dir {folder}
sentinel monitor tier 127.0.0.1 {primary} 1
sentinel down-after-milliseconds tier 1000
sentinel failover-timeout tier 4000
"""


def answers(port):
    try:
        return Client(port)("PING") == "PONG"
    except OSError:
        return False


@only("gyre")
@slow
@timeout(90)
def test_sentinel_fails_over(ctx):
    options = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")
    primary = ctx.server(*options)
    replicas = [ctx.server(*options, "--replicaof", f"127.0.0.1 {primary.port}", kind=kind) for kind in ("gyre", "redis")]
    replicas[1].client()("CONFIG", "SET", "replica-priority", "200")
    for replica in replicas:
        eventually(lambda server=replica: info(server.client(), "master_link_status") == "up", 20, "the link")
    primary.client()("SET", "k", "v")
    folder, port = tempfile.mkdtemp(), free_port()
    path = os.path.join(folder, "sentinel.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(port=port, folder=folder, primary=primary.port))
    sentinel = subprocess.Popen([redis_server_path(folder), path, "--sentinel"], stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: answers(port), 10, "sentinel")
        ask = Client(port)

        def known():
            found = [dict(zip(replica[::2], replica[1::2])) for replica in ask("SENTINEL", "REPLICAS", "tier")]
            return [state[b"master-link-status"] for state in found] == [b"ok"] * 2

        eventually(known, 20, "both replicas")
        time.sleep(1)  # it looks at each every second
        primary.kill()
        new = [b"127.0.0.1", b"%d" % replicas[0].port]
        eventually(lambda: ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "tier") == new, 30, "the new primary")
        eventually(lambda: info(replicas[0].client(), "role") == "master", 10, "its role")
        eventually(lambda: info(replicas[1].client(), "master_port") == str(replicas[0].port), 20, "the other behind it")
        eventually(lambda: info(replicas[1].client(), "master_link_status") == "up", 20, "the link")
        equal(replicas[0].client()("SET", "k", "w"), "OK")
        eventually(lambda: replicas[1].client()("GET", "k") == b"w", 10, "the new value")
        equal(info(replicas[0].client(), "sync_full"), "0")
        contains(replicas[0].log_text(), "PRIMARY MODE enabled")
    finally:
        sentinel.kill()
        sentinel.wait()
        shutil.rmtree(folder)
