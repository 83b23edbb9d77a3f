#!/usr/bin/python3
"""idle_connections.py: what an idle connection costs the server's own memory, gyre-server beside redis-server.

    bench/idle_connections.py [--connections 10000]

Connections are opened and say nothing. used_memory is the server's own count, resident memory the kernel's; what the
kernel keeps for a socket on its side is in neither. Needs `ulimit -n` above the number of connections.
"""
import argparse
import resource
import socket
import time

from servers import Server


def settled(server, count):
    """Waits until the server has seen so many clients, besides its own one."""
    end = time.monotonic() + 30
    while int(server.client.info("connected_clients")) < count + 1:
        if time.monotonic() > end:
            raise SystemExit("the connections do not arrive")
        time.sleep(0.1)
    time.sleep(1.5)  # periodic work for each client


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=10000)
    count = parser.parse_args().connections
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print("| server | used_memory per connection | resident memory per connection |")
    print("|---|---|---|")
    for kind in ("redis", "gyre"):
        with Server(kind, "--maxclients", str(count + 1000), *(["--shards", "2"] if kind == "gyre" else [])) as server:
            first = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
            settled(server, len(first))
            used, resident = int(server.client.info("used_memory")), server.resident_bytes()
            idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(count)]
            settled(server, len(first) + len(idle))
            used = (int(server.client.info("used_memory")) - used) / count
            resident = (server.resident_bytes() - resident) / count
            print(f"| {kind} | {used:.0f} | {resident:.0f} |", flush=True)
            for one in first + idle:
                one.close()


main()
