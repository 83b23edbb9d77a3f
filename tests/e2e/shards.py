"""Connections whose shard is known: for tests of what one shard does while another is busy. Only for gyre-server."""
import re

from harness import eventually


def connections(client):
    """How many connections each shard has."""
    return [int(n) for n in re.findall(rb"shard\d+:connections=(\d+)", client("INFO", "shards"))]


def settled(server):
    """A client that is the server's only one: the connection that saw it start has left."""
    client = server.client()
    eventually(lambda: sum(connections(client)) == 1, what="being alone")
    return client


def clients_by_shard(server, each=1):
    """A list of `each` clients for every shard. Connections go to the shard with the fewest, which shows in its count."""
    client = settled(server)
    found = [[] for _ in connections(client)]
    found[connections(client).index(1)].append(client)
    while any(len(some) < each for some in found):
        before, more = connections(client), server.client()
        more("PING")
        after = connections(client)
        found[[a - b for a, b in zip(after, before)].index(1)].append(more)
    return found
