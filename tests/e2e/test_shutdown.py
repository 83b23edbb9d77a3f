"""The end: SHUTDOWN and its options, SIGTERM and SIGINT and what they are set to do, work going on meanwhile."""
import os
import signal
import threading
import time

from harness import contains, equal, eventually, only, timeout
from proxy import Proxy
from resp import Closed, Error, Simple, encode
from test_replication_primary import follower, info, wait_until_level


def end_of(client):
    """What comes back until the connection ends: None, or an error."""
    try:
        return client.read()
    except (Closed, ConnectionResetError):
        return None


MISCONF = ("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the "
           "data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails "
           "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.")


def server_that_cannot_save(ctx, *options):
    """A directory stands where the file is to be."""
    server = ctx.server("--dbfilename", "in-the-way", *options)
    os.mkdir(os.path.join(server.folder, "in-the-way"))
    return server


def test_wrong_options(ctx):
    client = ctx.client()
    syntax = Error("ERR syntax error")
    for options in (("SAVE", "NOSAVE"), ("NOSAVE", "NOW", "SAVE"), ("ABORT", "NOW"), ("ABORT", "SAVE"), ("FORCE", "ABORT"), ("nonsense",),
                    ("",), ("NOSAVE", "nonsense")):
        equal(client("SHUTDOWN", *options), syntax, options)
    equal(client("SHUTDOWN", "ABORT"), Error("ERR No shutdown in progress."))
    equal(client("SHUTDOWN", "abort", "ABORT"), Error("ERR No shutdown in progress."))
    equal(client("MULTI"), Simple("OK"))
    equal(client("SHUTDOWN"), Error("ERR Command not allowed inside a transaction"))
    equal(client("DISCARD"), Simple("OK"))
    equal(client("PING"), Simple("PONG"))


@timeout(60)
def test_options_that_end_it(ctx):
    for options in ((), ("NOSAVE",), ("NOW",), ("FORCE",), ("NOSAVE", "NOW", "FORCE"), ("nosave", "NOSAVE")):
        server = ctx.server()
        client, other = server.client(), server.client()
        client.send(encode("SHUTDOWN", *options) + encode("SET", "k", "never"))
        equal(end_of(client), None, options)
        equal(server.wait(10), 0, options)
        equal(end_of(other), None)
        contains(server.log_text(), "User requested shutdown...")
        contains(server.log_text(), "bye bye...")
        equal("scheduling shutdown" in server.log_text(), False, "a signal in the log")


@only("gyre")
def test_what_cannot_be_saved_is_not_thrown_away(ctx):
    """As long as nothing can be saved, asking for it keeps the server running, unless it is forced to end."""
    server = server_that_cannot_save(ctx, "--save", "3600 1")
    client = server.client()
    equal(client("SHUTDOWN", "SAVE"), Error("ERR Errors trying to SHUTDOWN. Check logs."))
    equal(client("SHUTDOWN", "SAVE", "NOW"), Error("ERR Errors trying to SHUTDOWN. Check logs."))
    equal(client("SET", "k", "v"), Error(MISCONF))
    equal(client("CONFIG", "SET", "stop-writes-on-bgsave-error", "no"), Simple("OK"))
    equal(client("SET", "k", "v"), Simple("OK"))
    client.send_command("SHUTDOWN", "SAVE", "FORCE")
    equal(end_of(client), None)
    equal(server.wait(10), 0)


@only("gyre")
def test_signals_do_what_they_are_set_to(ctx):
    server = server_that_cannot_save(ctx, "--shutdown-on-sigterm", "save", "--shutdown-on-sigint", "nosave", "now")
    client = server.client()
    equal(client("CONFIG", "GET", "shutdown-on-sig*"), [b"shutdown-on-sigint", b"nosave now", b"shutdown-on-sigterm", b"save"])
    os.kill(server.pid, signal.SIGTERM)
    eventually(lambda: "Errors trying to shut down the server." in server.log_text(), 5, "the refusal")
    contains(server.log_text(), "Received SIGTERM scheduling shutdown...")
    equal(client("PING"), Simple("PONG"))
    equal(client("CONFIG", "SET", "shutdown-on-sigterm", "save force", "shutdown-on-sigint", "save"), Simple("OK"))
    os.kill(server.pid, signal.SIGINT)
    eventually(lambda: server.log_text().count("Errors trying to shut down the server.") == 2, 5, "another refusal")
    os.kill(server.pid, signal.SIGTERM)
    equal(server.wait(10), 0)


def test_signals_end_it_in_good_order(ctx):
    for number in (signal.SIGTERM, signal.SIGINT):
        server = ctx.server()
        client = server.client()
        equal(client("SET", "k", "v"), Simple("OK"))
        os.kill(server.pid, number)
        equal(server.wait(10), 0)
        equal(end_of(client), None)
        log = server.log_text()
        for part in (f"Received {number.name} scheduling shutdown...", "User requested shutdown...", "bye bye..."):
            contains(log, part)


def test_wrong_settings_of_signals(ctx):
    client = ctx.client()
    for option in ("shutdown-on-sigterm", "shutdown-on-sigint"):
        equal(client("CONFIG", "SET", option, "save nosave"),
              Error(f"ERR CONFIG SET failed (possibly related to argument '{option}') - shutdown options SAVE and NOSAVE can't be used "
                    "simultaneously"))
        equal(client("CONFIG", "SET", option, "abort"),
              Error(f"ERR CONFIG SET failed (possibly related to argument '{option}') - argument(s) must be one of the following: "
                    "default, save, nosave, now, force"))
        equal(client("CONFIG", "SET", option, "now force nosave"), Simple("OK"))
        equal(client("CONFIG", "GET", option), [option.encode(), b"nosave now force"])
        equal(client("CONFIG", "SET", option, "default"), Simple("OK"))


@only("gyre")
@timeout(60)
def test_insisting_ends_it_at_once(ctx):
    """A second SIGINT while the end takes long: here a thread is busy and cannot be waited for."""
    server = ctx.server()
    client = server.client()
    client("SET", "k", "v")
    client.send_command("DEBUG", "HOLD", "k", "20")
    time.sleep(0.3)
    os.kill(server.pid, signal.SIGINT)
    eventually(lambda: "User requested shutdown..." in server.log_text(), 5, "the beginning of the end")
    equal(server.alive(), True)
    time.sleep(0.1)
    os.kill(server.pid, signal.SIGINT)
    equal(server.wait(5), 1)
    contains(server.log_text(), "You insist... exiting now.")


@timeout(60)
def test_while_clients_work(ctx):
    server = ctx.server()
    clients = [server.client() for _ in range(20)]
    end = time.monotonic() + 1
    while time.monotonic() < end:
        for number, client in enumerate(clients):
            client.send_command("INCR", f"k{number}")
    os.kill(server.pid, signal.SIGTERM)
    equal(server.wait(20), 0)


@timeout(60)
def test_many_ask_for_the_end_at_once(ctx):
    server = ctx.server()
    clients = [server.client() for _ in range(20)]
    for client in clients:
        client("PING")
    threads = [threading.Thread(target=client.send_command, args=("SHUTDOWN", "NOSAVE")) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(server.wait(10), 0)


@timeout(60)
def test_blocked_and_transacting_clients_do_not_hold_it_up(ctx):
    server = ctx.server()
    blocked, half, paused = server.client(), server.client(), server.client()
    blocked.send_command("SUBSCRIBE", "news")
    half("MULTI")
    half("SET", "k", "v")
    paused("CLIENT", "PAUSE", "100000", "WRITE")
    paused.send_command("SET", "k", "v")
    os.kill(server.pid, signal.SIGTERM)
    equal(server.wait(10), 0)


# ---- with replicas ----

GIVEN_UP = Error("ERR Errors trying to SHUTDOWN. Check logs.")
REPLICATES = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1000")


def with_a_replica_that_lags(ctx, *options):
    primary = ctx.server(*REPLICATES, *options)
    front = Proxy(primary.port)
    replica = follower(ctx, front.port)
    client = primary.client()
    client("SET", "k", "before")
    wait_until_level(primary, replica)
    front.silence(True)
    equal(client("SET", "k", "last"), Simple("OK"))
    return primary, front, replica, client


def ask_for_the_end(primary, *options):
    """By a client that waits for it."""
    client = primary.client()
    number = client("CLIENT", "ID")
    client.send_command("SHUTDOWN", *options)
    eventually(lambda: b" flags=b " in primary.client()("CLIENT", "LIST", "ID", number), 5, "a client that waits for the end")
    eventually(lambda: info(primary.client(), "shutdown_in_milliseconds"), 5, "the wait for replicas")
    return client


@timeout(60)
def test_the_end_waits_for_replicas(ctx):
    primary, front, replica, client = with_a_replica_that_lags(ctx, "--shutdown-timeout", "30")
    waits = ask_for_the_end(primary)
    assert 0 < int(info(client, "shutdown_in_milliseconds")) <= 30000
    client.send_command("SET", "k", "never")
    equal(primary.client()("GET", "k"), b"last")
    equal(primary.client()("CLIENT", "UNPAUSE"), Simple("OK"))
    time.sleep(0.1)
    equal(primary.client()("GET", "k"), b"last", "writes are held back whatever is commanded")
    front.heal()
    equal(primary.wait(20), 0)
    equal([end_of(waits), end_of(client)], [None, None])
    eventually(lambda: info(replica.client(), "master_link_status") == "down", 5, "the link's end")
    equal(replica.client()("GET", "k"), b"last")
    contains(primary.log_text(), "Waiting for replicas before shutting down.")
    contains(primary.log_text(), "1 of 1 replicas are in sync when shutting down.")
    front.close()


@timeout(60)
def test_an_end_that_is_called_off(ctx):
    primary, front, _, client = with_a_replica_that_lags(ctx, "--shutdown-timeout", "30")
    waiting = [ask_for_the_end(primary), ask_for_the_end(primary, "NOSAVE")]
    os.kill(primary.pid, signal.SIGTERM)
    client.send_command("SET", "k", "after")
    equal(primary.client()("SHUTDOWN", "ABORT"), Simple("OK"))
    equal([client.read() for client in waiting], [GIVEN_UP, GIVEN_UP])
    equal(client.read(), Simple("OK"))
    equal(primary.client()("SHUTDOWN", "ABORT"), Error("ERR No shutdown in progress."))
    equal(info(client, "shutdown_in_milliseconds"), None)
    contains(primary.log_text(), "Shutdown manually aborted.")
    time.sleep(0.2)
    equal(client("GET", "k"), b"after", "the signal meanwhile was forgotten too")
    ask_for_the_end(primary)  # a pause by command is as it was, once the end is called off
    equal(client("CLIENT", "PAUSE", 600, "WRITE"), Simple("OK"))
    equal(client("SHUTDOWN", "ABORT"), Simple("OK"))
    client.send_command("SET", "k", "paused")
    equal(primary.client()("GET", "k"), b"after")
    equal(client.read(), Simple("OK"))
    client.send_command("SHUTDOWN", "NOW")
    equal(primary.wait(10), 0)
    contains(primary.log_text(), "Lagging replica 127.0.0.1:")
    contains(primary.log_text(), "0 of 1 replicas are in sync when shutting down.")
    front.close()


@timeout(60)
def test_the_wait_for_replicas_is_bounded(ctx):
    primary, front, _, client = with_a_replica_that_lags(ctx, "--shutdown-timeout", "1")
    began = time.monotonic()
    client.send_command("SHUTDOWN")
    equal(primary.wait(20), 0)
    assert 0.9 < time.monotonic() - began < 15
    contains(primary.log_text(), "state=online")
    front.close()


@only("gyre")
@timeout(60)
def test_nothing_that_was_acknowledged_is_missing_at_the_end(ctx):
    """A replica that is level has every write that a client was told of, however fast they came."""
    primary = ctx.server(*REPLICATES)
    replica = follower(ctx, primary.port)
    clients, told = [primary.client() for _ in range(4)], [0] * 4

    def count(number):
        while end_of_one(clients[number], number):
            told[number] += 1

    def end_of_one(client, number):
        try:
            return client("INCR", f"n{number}") == told[number] + 1
        except (Closed, OSError):
            return False

    threads = [threading.Thread(target=count, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    os.kill(primary.pid, signal.SIGTERM)
    equal(primary.wait(20), 0)
    for thread in threads:
        thread.join()
    eventually(lambda: info(replica.client(), "master_link_status") == "down", 5, "the link's end")
    assert min(told) > 0
    for number in range(4):
        has = int(replica.client()("GET", f"n{number}"))
        assert told[number] <= has <= told[number] + 1, f"told {told[number]}, the replica has {has}"
