"""A small RESP2 and RESP3 client on a raw socket, made for tests.

It differs from a real client library in what tests need: every byte that arrives is kept (`raw` gives a reply as it
was sent), requests can be malformed or cut anywhere, errors are values and not exceptions, and types stay told apart
(Simple and bytes, Map and list, Set and list), because a server must get those right too.
"""
import socket
import time


class Error(str):
    """An error reply, without its leading '-' (or the length of a RESP3 blob error)."""


class Simple(str):
    """A simple string reply: +OK."""


class Verbatim(bytes):
    """A RESP3 verbatim string, with its three letters and colon."""


class Map(list):
    """A RESP3 map, as a list of (key, value) pairs: keys need not be hashable, and order is kept."""

    def get(self, key, default=None):
        return next((value for name, value in self if name == key), default)


class Set(list):
    """A RESP3 set."""


class Push(list):
    """A RESP3 push message."""


class Attributed(list):
    """A RESP3 reply with attributes in front of it: [attributes, reply]."""


class Closed(Exception):
    """The server closed the connection; `args[0]` holds the bytes that came without making a reply."""


class Broken(Exception):
    """What came is not RESP."""


class Incomplete(Exception):
    """More bytes are needed (used inside the parser only)."""


def encode(*args):
    """One command as an array of bulk strings. Arguments: bytes, str (UTF-8), int or float (repr)."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        data = as_bytes(arg)
        parts.append(b"$%d\r\n" % len(data))
        parts.append(data)
        parts.append(b"\r\n")
    return b"".join(parts)


def as_bytes(arg):
    if isinstance(arg, (bytes, bytearray, memoryview)):
        return arg
    if isinstance(arg, str):
        return arg.encode()
    if isinstance(arg, bool) or arg is None:
        raise TypeError(f"{arg!r} is not an argument")
    return repr(arg).encode()


def _line(data, at):
    end = data.find(b"\r\n", at)
    if end < 0:
        raise Incomplete
    return bytes(data[at:end]), end + 2


def _many(data, at, count):
    items = []
    for _ in range(count):
        item, at = parse(data, at)
        items.append(item)
    return items, at


def parse(data, at=0):
    """Parses one reply of `data` from `at`. Returns (value, where it ends). Raises Incomplete or Broken."""
    if at >= len(data):
        raise Incomplete
    kind = data[at : at + 1]
    line, at = _line(data, at + 1)
    if kind == b"+":
        return Simple(line.decode("utf-8", "surrogateescape")), at
    if kind == b"-":
        return Error(line.decode("utf-8", "surrogateescape")), at
    if kind == b":":
        return int(line), at
    if kind in b"$=!":
        length = int(line)
        if length == -1 and kind == b"$":
            return None, at
        if length < 0:
            raise Broken(f"length {length}")
        if len(data) < at + length + 2:
            raise Incomplete
        body = bytes(data[at : at + length])
        if data[at + length : at + length + 2] != b"\r\n":
            raise Broken(f"no CRLF behind a string of {length} bytes")
        at += length + 2
        if kind == b"=":
            return Verbatim(body), at
        return (Error(body.decode("utf-8", "surrogateescape")) if kind == b"!" else body), at
    if kind in b"*~>":
        count = int(line)
        if count == -1 and kind == b"*":
            return None, at
        items, at = _many(data, at, count)
        return {b"*": list, b"~": Set, b">": Push}[bytes(kind)](items), at
    if kind == b"%":
        items, at = _many(data, at, 2 * int(line))
        return Map(zip(items[::2], items[1::2])), at
    if kind == b"|":
        items, at = _many(data, at, 2 * int(line))
        reply, at = parse(data, at)
        return Attributed([Map(zip(items[::2], items[1::2])), reply]), at
    if kind == b"_":
        return None, at
    if kind == b",":
        return float(line), at
    if kind == b"#":
        return line == b"t", at
    if kind == b"(":
        return int(line), at
    raise Broken(f"unknown type {kind!r} before {line[:60]!r}")


class Client:
    """One connection. `port` is a TCP port of 127.0.0.1 unless `host` says otherwise; or `path`, a unix socket."""

    def __init__(self, port=None, host="127.0.0.1", path=None, timeout=20, receive_buffer=None):
        family = socket.AF_UNIX if path else (socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(path if path else (host, port))
        if not path:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_command(self, *args):
        self.send(encode(*args))

    def _fill(self):
        """Waits for more bytes. The chunk grows with what is there already, so that large replies stay linear."""
        data = self.socket.recv(max(65536, min(len(self.buffer), 1 << 24)))
        if not data:
            raise Closed(bytes(self.buffer))
        self.buffer += data

    def _need(self):
        """How many bytes the buffer must have before parsing again is worth it: a large string says so itself."""
        if self.buffer[:1] in (b"$", b"="):
            end = self.buffer.find(b"\r\n")
            if end > 0 and self.buffer[1:end].isdigit():
                return end + 2 + int(self.buffer[1:end]) + 2
        return 0

    def raw(self):
        """The bytes of the next reply."""
        while True:
            if len(self.buffer) >= self._need():
                try:
                    _, end = parse(self.buffer)
                except Incomplete:
                    pass
                else:
                    reply = bytes(self.buffer[:end])
                    del self.buffer[:end]
                    return reply
            self._fill()

    def read_bytes(self, count):
        """So many bytes, whatever they are."""
        while len(self.buffer) < count:
            self._fill()
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def read(self):
        """The next reply, parsed."""
        return parse(self.raw())[0]

    def __call__(self, *args):
        """Sends one command and returns its reply."""
        self.send(encode(*args))
        return self.read()

    def pipeline(self, commands):
        """Sends all commands at once and returns their replies. For replies that fit the socket buffers."""
        self.send(b"".join(encode(*command) for command in commands))
        return [self.read() for _ in commands]

    def closed(self, timeout=5):
        """Whether the server closes the connection within `timeout` seconds, sending nothing more before."""
        self.socket.settimeout(timeout)
        try:
            return not self.buffer and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False

    def everything(self, timeout=5, quiet=None):
        """All bytes until the server closes (or, with `quiet`, says nothing for that many seconds) and whether it did."""
        data, self.buffer = bytes(self.buffer), bytearray()
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return data, False
            self.socket.settimeout(min(left, quiet) if quiet else left)
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return data, True
            except socket.timeout:
                return data, False
            if not more:
                return data, True
            data += more
