"""What a server holds, all of it, in a form that can be compared between servers; and data to fill one with."""
import os

from harness import eventually


def _value(kind, client, key):
    if kind == b"string":
        return client("GET", key)
    if kind == b"list":
        return tuple(client("LRANGE", key, 0, -1))
    if kind == b"set":
        return frozenset(client("SMEMBERS", key))
    if kind == b"hash":
        flat = client("HGETALL", key)
        return frozenset(zip(flat[::2], flat[1::2]))
    if kind == b"zset":
        flat = client("ZRANGE", key, 0, -1, "WITHSCORES")
        return tuple(zip(flat[::2], flat[1::2]))
    raise AssertionError(f"{key}: {kind}")


def databases(client):
    lines = client("INFO", "keyspace").decode().splitlines()
    return sorted(int(line.split(":")[0][2:]) for line in lines if line.startswith("db"))


def dataset(client):
    """{(database, key): (type, encoding, time it ends, value)}. A string that was changed in place is raw only until it is
    loaded again."""
    everything = {}
    for database in databases(client):
        client("SELECT", database)
        keys = client("KEYS", "*")
        for start in range(0, len(keys), 1000):
            part = keys[start : start + 1000]
            kinds = client.pipeline([("TYPE", key) for key in part])
            ends = client.pipeline([("PEXPIRETIME", key) for key in part])
            forms = client.pipeline([("OBJECT", "ENCODING", key) for key in part])
            forms = [b"embstr" if form == b"raw" else form for form in forms]
            plain = [key for key, kind in zip(part, kinds) if kind == "string"]
            strings = dict(zip(plain, client.pipeline([("GET", key) for key in plain])))
            for key, kind, end, form in zip(part, kinds, ends, forms):
                name = bytes(kind, "ascii") if isinstance(kind, str) else kind
                value = strings[key] if key in strings else _value(name, client, key)
                everything[database, key] = (name, form, end, value)
    client("SELECT", 0)
    return everything


def differences(ours, theirs, most=5):
    """A few lines that say how two datasets differ; "" where they do not."""
    lines = []
    for key in sorted(ours.keys() | theirs.keys()):
        a, b = ours.get(key), theirs.get(key)
        if a == b:
            continue
        lines.append(f"{key}: {str(a)[:200]}\n    but {str(b)[:200]}")
        if len(lines) == most:
            break
    return "\n".join(lines)


def wait_for_save(client):
    """Waits until no save is under way; returns whether the last one succeeded."""
    def over():
        return b"rdb_bgsave_in_progress:0" in client("INFO", "persistence")

    eventually(over, 60, "the end of the save")
    return b"rdb_last_bgsave_status:ok" in client("INFO", "persistence")


def info(client, name, section="persistence"):
    for line in client("INFO", section).decode().splitlines():
        if line.startswith(name + ":"):
            return line.split(":", 1)[1]
    raise AssertionError(f"INFO {section} has no {name}")


def wait_until_loaded(client, seconds=60):
    eventually(lambda: info(client, "loading") == "0", seconds, "the end of loading")


def restart(server, **more):
    """Starts a stopped server again on its folder."""
    server.start(**more)
    client = server.client()
    wait_until_loaded(client)
    return client


def set_aside(server, name="dump.rdb"):
    """The bytes of the server's file."""
    with open(os.path.join(server.folder, name), "rb") as file:
        return file.read()
