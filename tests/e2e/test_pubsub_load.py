"""Channels under load, over several shards: one order, exact counts, bounds on what slow readers cost."""
import threading
import time

from clients import PONG, connect, gone
from harness import contains, equal, eventually, only, timeout
from resp import Closed, Simple, encode


def test_large_messages_are_shared(ctx):
    """A hundred subscribers that are slow to read do not make a hundred copies."""
    server = ctx.server("--client-output-buffer-limit", "pubsub", "0", "0", "0")
    publisher, *listeners = connect(server, 101)
    for listener in listeners:
        listener("SUBSCRIBE", "big")
    message = bytes(range(256)) * 4096 * 8

    def used():
        return int(
            dict(
                line.split(":", 1)
                for line in publisher("INFO", "memory").decode().split("\r\n")
                if ":" in line
            )["used_memory"]
        )

    before = used()
    equal(publisher("PUBLISH", "big", message), 100)
    grown = used() - before
    assert ctx.target != "gyre" or grown < 4 * len(message), grown
    for listener in listeners:
        equal(listener.read(), [b"message", b"big", message])
    if ctx.target == "gyre" and not ctx.sanitized:
        eventually(lambda: used() < before + len(message), what="the end of the message")


def test_who_does_not_read_is_cut_off(ctx):
    server = ctx.server("--client-output-buffer-limit", "pubsub", "1mb", "0", "0")
    publisher, normal, good = connect(server, 3)
    deaf = [server.client(receive_buffer=4096) for _ in range(4)]
    good("SUBSCRIBE", "c")
    for client in deaf:
        client("SUBSCRIBE", "c")
    published = heard = 0

    def listeners():
        nonlocal published, heard
        counts = publisher.pipeline([("PUBLISH", "c", "x" * 10000)] * 20)
        published += len(counts)
        while heard < published:
            equal(good.read()[0], b"message")
            heard += 1
        return counts[-1]

    eventually(lambda: listeners() == 1, 30, "the end of those who do not read")
    equal(normal("PING"), PONG)
    contains(server.log_text(), "overcoming of output buffer limits")
    for client in deaf:
        assert gone(client)


@only("gyre")
def test_one_turn_cannot_bring_more_than_the_limit(ctx):
    """Also what arrives all at once stops at the limit: many slow subscribers would take any amount of memory."""
    server = ctx.server("--client-output-buffer-limit", "pubsub", "100kb", "0", "0")
    publisher, *deaf = connect(server, 61)
    for client in deaf:
        client.send_command("SUBSCRIBE", *[f"c{number}" for number in range(50)])
    eventually(lambda: publisher("PUBSUB", "NUMSUB", "c49")[1] == 60)
    publisher.send(b"".join(encode("PUBLISH", f"c{number % 50}", "x" * 3000) for number in range(20000)))
    peak = 0
    for number in range(20000):
        publisher.read()
    peak = int(
        dict(
            line.split(":", 1) for line in publisher("INFO", "memory").decode().split("\r\n") if ":" in line
        )["used_memory_peak"]
    )
    assert peak < (200 << 20), peak
    eventually(lambda: publisher("PUBLISH", "c0", "x") == 0, 20, "the end of those who do not read")


def listen(client, word, names, into, until):
    """Collects (channel, message) until every channel has said `until`."""
    client.send_command(f"{word}SUBSCRIBE", *names)
    for _ in names:
        client.read()
    into.append(None)  # ready

    def read():
        ended = 0
        while ended < until:
            said = client.read()
            if said[-1] == b"end":
                ended += 1
            else:
                into.append((said[-2], said[-1]))

    return read


@timeout(180)
def test_one_order_for_all(ctx):
    """Publishers race on a few channels: whoever listens, to channel or pattern, hears the same, all of it, once."""
    server = ctx.server()
    channels = [f"c{number}" for number in range(3)]
    rounds, publishers = ctx.scaled(6000) // 50 * 50 or 50, connect(server, 6)
    heard, readers = [], []
    for number, client in enumerate(connect(server, 12)):
        if number % 3 == 0:
            client("HELLO", 3)
        heard.append([])
        patterns = number % 2 == 0
        readers.append(
            listen(
                client, "P" if patterns else "", ["c?"] if patterns else channels, heard[-1], len(channels)
            )
        )
    replies = [[] for _ in publishers]

    def publish(number, client):
        for at in range(0, rounds, 50):
            commands = [
                ("PUBLISH", channels[(at + i) % len(channels)], f"{number}:{at + i}") for i in range(50)
            ]
            replies[number] += client.pipeline(commands)

    threads = [threading.Thread(target=read) for read in readers]
    threads += [threading.Thread(target=publish, args=pair) for pair in enumerate(publishers)]
    for thread in threads:
        thread.start()
    for thread in threads[len(readers) :]:
        thread.join()
    for channel in channels:
        equal(publishers[0]("PUBLISH", channel, "end"), len(readers))
    for thread in threads[: len(readers)]:
        thread.join(60)
        assert not thread.is_alive(), "a subscriber is still waiting"
    equal({count for some in replies for count in some}, {len(readers)})
    for channel in channels:
        orders = [[message for at, message in some[1:] if at == channel.encode()] for some in heard]
        for order in orders:
            assert order == orders[0], f"two orders on {channel}"
        equal(len(orders[0]), len(set(orders[0])), "each once")
        for number in range(len(publishers)):
            mine = [
                int(message.split(b":")[1]) for message in orders[0] if message.startswith(b"%d:" % number)
            ]
            equal(
                mine,
                [at for at in range(rounds) if channels[at % len(channels)] == channel],
                "in the publisher's order, nothing lost",
            )


@timeout(180)
def test_counts_are_exact_while_subscribers_come_and_go(ctx):
    """What PUBLISH says it reached is what was received, between the two confirmations of each subscription."""
    server = ctx.server()
    stop = threading.Event()
    listeners, publishers = connect(server, 9), connect(server, 4)
    received, counted, problems = [0] * len(listeners), [0] * len(publishers), []

    def come_and_go(number, client):
        word = ("", "P", "S")[number % 3]
        name = "c*" if word == "P" else "c"
        if number % 2:
            client("HELLO", 3)
        while not stop.is_set():
            client.send_command(f"{word}SUBSCRIBE", name)
            if client.read()[0] != f"{word}subscribe".lower().encode():
                problems.append("a message before the confirmation")
            if number % 4:
                time.sleep(0.001)
            client.send_command(f"{word}UNSUBSCRIBE", name)
            while client.read()[0] != f"{word}unsubscribe".lower().encode():
                received[number] += 1
        client.socket.settimeout(0.2)
        if client("ECHO", "quiet") != b"quiet":
            problems.append("a message after the end")

    def publish(number, client):
        while not stop.is_set():
            counted[number] += sum(
                client.pipeline(
                    [("PUBLISH", "c", number), ("SPUBLISH", "c", number), ("PUBLISH", "d", number)] * 10
                )
            )

    threads = [threading.Thread(target=come_and_go, args=pair) for pair in enumerate(listeners)]
    threads += [threading.Thread(target=publish, args=pair) for pair in enumerate(publishers)]
    for thread in threads:
        thread.start()
    time.sleep(3 if ctx.quick else 6)
    stop.set()
    for thread in threads:
        thread.join(60)
    equal(problems, [])
    assert sum(counted) > 100, counted
    equal(sum(received), sum(counted), "received and counted")
    equal(publishers[0]("PUBSUB", "CHANNELS"), [])


@timeout(120)
def test_many_channels(ctx):
    server = ctx.server()
    admin, *listeners = connect(server, 9)
    count = ctx.scaled(16000)
    for at, listener in enumerate(listeners):
        names = [f"channel:{number}" for number in range(at, count, 8)]
        listener.send(b"".join(encode("SUBSCRIBE", *names[i : i + 100]) for i in range(0, len(names), 100)))
        for _ in names:
            listener.read()
        listener.send_command("PSUBSCRIBE", *[f"channel:{number}*x" for number in range(at, 200, 8)])
        for _ in range(at, 200, 8):
            listener.read()
    equal(len(admin("PUBSUB", "CHANNELS")), count)
    equal(len(admin("PUBSUB", "CHANNELS", "channel:1?")), 10)
    equal(admin("PUBSUB", "NUMPAT"), 200)
    equal(admin("PUBLISH", "channel:77", "m"), 1)
    equal(listeners[77 % 8].read(), [b"message", b"channel:77", b"m"])
    equal(admin("PUBLISH", "channel:7x", "m"), 1)
    equal(listeners[7].read(), [b"pmessage", b"channel:7*x", b"channel:7x", b"m"])
    for listener in listeners:
        listener.close()
    eventually(
        lambda: admin("PUBSUB", "CHANNELS") == [] and admin("PUBSUB", "NUMPAT") == 0,
        20,
        "the end of all subscriptions",
    )


def come_and_go(listener, reads, resets):
    """Subscribes to everything, and perhaps reads a little, or becomes an ordinary client again."""
    listener.send(encode("PSUBSCRIBE", "*") + encode("SUBSCRIBE", "c") + encode("SSUBSCRIBE", "c"))
    if reads:
        listener.read()
        listener.read()
    if resets:
        listener.send_command("RESET")
        while not isinstance(listener.read(), Simple):
            pass
        equal(listener("PING"), PONG)


def test_closing_in_the_middle(ctx):
    """Subscribers that vanish while they are written to, on all shards."""
    server = ctx.server("--client-output-buffer-limit", "pubsub", "0", "0", "0")
    stop = threading.Event()
    publishers = connect(server, 3)

    def publish(client):
        while not stop.is_set():
            client.pipeline([("PUBLISH", "c", "x" * 100), ("SPUBLISH", "c", "x" * 5000)] * 20)

    threads = [threading.Thread(target=publish, args=[client]) for client in publishers]
    for thread in threads:
        thread.start()
    try:
        for number in range(ctx.scaled(60)):
            listeners = connect(server, 6)
            for at, listener in enumerate(listeners):
                try:
                    come_and_go(listener, reads=(number + at) % 3, resets=at % 2)
                except (Closed, ConnectionError):
                    # Where everything is slow, more may be published to it than its thread can take in.
                    if not ctx.sanitized:
                        raise
                listener.close()
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    equal(publishers[0]("PING"), PONG)
    eventually(lambda: publishers[0]("PUBLISH", "c", "x") == 0)
