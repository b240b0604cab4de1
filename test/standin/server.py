"""The stand-in as a server: two TCP ports, msgpack-RPC on one and the streams on the other."""
import socket
import socketserver
import threading

import msgpack
from standin.calls import answer, Calls, error
from standin.faults import Faults
from standin.streams import Streams
from standin.world import IDLE_DELTA, SYNCHRONOUS, World


class StandIn:
    """
    A server on free ports of this machine, from its start to the end of a `with` block.

    port: of the RPC. world: world.World. calls: how often each RPC was called, by its name.
    faults: rules of how to misbehave, see faults.py. version: what it says it is. port: 0 for a
    free one.
    """

    def __init__(self, faults=(), version='0.9.16', town='Town01', port=0):
        self.world, self.faults, self.frozen = World(town), Faults(faults), False
        self.calls = self.faults.counts
        self._streams, self._connections, self._end = Streams(self.faults), [], threading.Event()
        self._answers = Calls(self.world, self._streams, version)
        self._servers = [self._listen(port, self._serve), self._listen(0, self._stream)]
        self.port, self._streams.port = (s.server_address[1] for s in self._servers)

    def __enter__(self):
        for run in (*(server.serve_forever for server in self._servers), self._run):
            threading.Thread(target=run, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Close all connections and take no more."""
        if self._end.is_set():
            return
        self._end.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # closed already
                pass

    def tick(self):
        """Let the world go on by one frame, as a client's tick does."""
        with self.world.lock:
            self._answers.tick_cue()

    def _listen(self, port, serve):
        class Handler(socketserver.BaseRequestHandler):
            def handle(handler):
                handler.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._connections.append(handler.request)
                serve(handler.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            request_queue_size = 64

        return Server(('127.0.0.1', port), Handler)

    def _run(self):
        """Tick by itself in asynchronous mode, in real time."""
        while not self._end.wait(IDLE_DELTA):
            with self.world.lock:
                if not self.world.settings[SYNCHRONOUS] and not self.frozen:
                    self.tick()

    def _stream(self, connection):
        self._streams.subscribe(connection)
        self._end.wait()  # the socket is closed when this returns

    def _serve(self, connection):
        unpacker = msgpack.Unpacker(raw=False, strict_map_key=False,
                                    unicode_errors='surrogateescape')
        while True:
            try:
                received = connection.recv(65536)
            except OSError:
                return
            if not received:
                return
            unpacker.feed(received)
            for _, number, name, (_, *args) in unpacker:
                body = self._answer(name, args)
                if body is None:
                    continue
                if body == 'close':
                    return
                try:
                    connection.sendall(msgpack.packb([1, number, None, body]))
                except OSError:
                    return

    def _answer(self, name, args):
        """Return the body of the answer to a call, None for no answer, or 'close'."""
        with self.world.lock:
            fault = self.faults.now(name)
            what = fault.what if fault else None
            if what == 'die':
                threading.Thread(target=self.stop).start()
                return 'close'
            self.frozen = self.frozen or what == 'freeze'
            if self.frozen or what == 'hang':
                return None
            if what == 'error':
                return error(f'told to answer {name} with an error')
            return 'close' if what == 'close' else answer(self._answers, name, args)
