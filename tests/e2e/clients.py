"""What tests of several clients of one server share."""
from harness import eventually
from resp import Simple

OK = Simple("OK")
PONG = Simple("PONG")


def lines(client, *args):
    """CLIENT LIST as dictionaries."""
    text = client("CLIENT", "LIST", *args).decode().removeprefix("txt:")
    assert text == "" or text.endswith("\n"), text
    return [dict(field.split("=", 1) for field in line.split(" ")) for line in text.splitlines()]


def connect(server, count):
    """So many clients that the server knows of."""
    clients = [server.client() for _ in range(count)]
    for client in clients:
        client.send_command("PING")
    for client in clients:
        client.read()
    return clients


def alone(server):
    """The only client there is: the one that saw the server start is gone."""
    client = server.client()
    eventually(lambda: len(lines(client)) == 1, what="to be alone")
    return client


def gone(client, seconds=5):
    """Whether the server closes the connection, after whatever it still had to say."""
    try:
        return client.everything(timeout=seconds)[1]
    except OSError:
        return True
