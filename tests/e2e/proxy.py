"""A link that can be made to fail: a TCP proxy between two servers, with faults to choose while it runs.

    proxy = Proxy(server.port)      connect to proxy.port; proxy.target may be changed when the server has moved
    proxy = Proxy(port, narrow=True)  the kernel holds little for it, so that a side feels at once what the other does
    proxy.cut()                     all connections end now
    proxy.refuse(True)              new connections end at once
    proxy.cut_at("down", 1000)      each connection from now on ends once so many bytes have come from the server
    proxy.corrupt_at("down", 1000)  a bit of that byte of the next connection is another
    proxy.throttle("down", 1e6)     bytes a second, of all connections from now on
    proxy.delay(0.05)               every byte is so many seconds late
    proxy.silence(True)             connections stay, and nothing passes
    proxy.duplicate(True)           what a client says on connections from now on, another connection says too; its answers go nowhere
    proxy.heal()                    none of this any more

"up" is towards the server, "down" is from it. One thread does it all; what it holds of a connection is bounded, so a side that
does not read is felt by the other. `connections` counts those accepted, `passed` the bytes of the latest in each
direction.
"""
import collections
import selectors
import socket
import threading
import time

HELD_MAX = 1 << 16
TICK_S = 0.002
PACED_TICK_S = 0.01


class _Pipe:
    """One direction of a connection: what was read and not written yet, with the time when it is due."""

    def __init__(self, direction, source, sink):
        self.direction, self.source, self.sink = direction, source, sink
        self.waiting, self.held, self.passed, self.credit = collections.deque(), 0, 0, 0.0
        self.ended = False  # the source has said all


class _Twin:
    """Says what it is told to, and throws away what it is told."""

    def __init__(self, target):
        self._socket = socket.create_connection(("127.0.0.1", target), 5)
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self):
        try:
            self._socket.settimeout(None)
            while self._socket.recv(HELD_MAX):
                pass
        except OSError:
            pass

    def say(self, data):
        try:
            self._socket.sendall(data)
        except OSError:
            pass

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()


class _Connection:
    def __init__(self, client, server, twin=None):
        self.up, self.down = _Pipe("up", client, server), _Pipe("down", server, client)
        self.pipes, self.twin = (self.up, self.down), twin

    def close(self):
        for pipe in self.pipes:
            pipe.source.close()
        if self.twin:
            self.twin.close()


class Proxy:
    def __init__(self, target, narrow=False):
        self.target, self.connections, self._narrow = target, 0, narrow
        self.passed = {"up": 0, "down": 0}
        self._lock, self._open, self._over = threading.Lock(), [], False
        self._reset()
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(100)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _reset(self):
        self._cut_at, self._corrupt_at, self._rate = {}, {}, {}
        self._delay_s, self._silent, self._refuse, self._cut_now, self._twice = 0.0, False, False, False, False

    # ---- the faults ----

    def cut(self):
        with self._lock:
            self._cut_now = True
        while self._cut_now:
            time.sleep(TICK_S)

    def refuse(self, on):
        self._refuse = on

    def cut_at(self, direction, count):
        self._cut_at = {direction: count}

    def corrupt_at(self, direction, count):
        self._corrupt_at = {direction: count}

    def throttle(self, direction, bytes_per_second):
        self._rate = {direction: bytes_per_second}

    def delay(self, seconds):
        self._delay_s = seconds

    def silence(self, on):
        self._silent = on

    def duplicate(self, on):
        self._twice = on

    def heal(self):
        with self._lock:
            self._reset()

    def close(self):
        self._over = True
        self._thread.join()

    # ---- the thread ----

    def _run(self):
        last = time.monotonic()
        while not self._over:
            with self._lock:
                if self._cut_now:
                    self._end(list(self._open))
                    self._cut_now = False
            now = time.monotonic()
            self._accept()
            self._read(now)
            for connection in list(self._open):
                self._write(connection, now, now - last)
            last = now
        self._end(list(self._open))
        self._listener.close()

    def _end(self, connections):
        for connection in connections:
            if connection in self._open:
                self._open.remove(connection)
            connection.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except BlockingIOError:
                return
            self.connections += 1
            if self._refuse:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                client.close()
                continue
            for side in (client, server):
                side.setblocking(False)
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._narrow:
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, HELD_MAX)
            self._open.append(_Connection(client, server, _Twin(self.target) if self._twice else None))
            self.passed = {"up": 0, "down": 0}

    def _read(self, now):
        """Waits a moment for something to read, and reads what there is room for."""
        selector = selectors.DefaultSelector()
        selector.register(self._listener, selectors.EVENT_READ)
        paced = self._rate or self._delay_s
        for connection in self._open:
            for pipe in connection.pipes:
                if not self._silent and not pipe.ended and pipe.held < HELD_MAX:
                    selector.register(pipe.source, selectors.EVENT_READ, (connection, pipe))
        waits = any(pipe.held for connection in self._open for pipe in connection.pipes)
        for key, _ in selector.select(PACED_TICK_S if paced else TICK_S if waits else 0.02):
            if key.data is None:
                continue
            connection, pipe = key.data
            try:
                data = pipe.source.recv(HELD_MAX)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if data:
                pipe.waiting.append((now + self._delay_s, data))
                pipe.held += len(data)
            else:
                pipe.ended = True
        selector.close()

    def _write(self, connection, now, elapsed):
        for pipe in connection.pipes:
            rate = self._rate.get(pipe.direction)
            if rate:
                pipe.credit = min(pipe.credit + rate * elapsed, rate * 0.1 + 1)
            while pipe.waiting and not self._silent:
                due, data = pipe.waiting[0]
                if due > now:
                    break
                room = len(data) if not rate else int(pipe.credit)
                limit = self._cut_at.get(pipe.direction)
                if limit is not None:
                    room = min(room, limit - pipe.passed)
                if room <= 0:
                    break
                try:
                    sent = pipe.sink.send(self._altered(pipe, data[:room]))
                except BlockingIOError:
                    break
                except OSError:
                    self._end([connection])
                    return
                if connection.twin and pipe.direction == "up":
                    connection.twin.say(data[:sent])
                pipe.credit -= sent
                pipe.held -= sent
                pipe.passed += sent
                if self._corrupt_at.get(pipe.direction, 1 << 62) < pipe.passed:
                    self._corrupt_at = {}
                self.passed[pipe.direction] = pipe.passed
                if sent == len(data):
                    pipe.waiting.popleft()
                else:
                    pipe.waiting[0] = (due, data[sent:])
            if pipe.passed >= self._cut_at.get(pipe.direction, 1 << 62) or (pipe.ended and not pipe.waiting):
                self._end([connection])
                return

    def _altered(self, pipe, data):
        at = self._corrupt_at.get(pipe.direction)
        if at is None or not pipe.passed <= at < pipe.passed + len(data):
            return data
        changed = bytearray(data)
        changed[at - pipe.passed] ^= 4
        return bytes(changed)
