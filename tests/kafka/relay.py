"""An address that stays while what stands behind it moves: as a Service or a name in DNS does."""

from __future__ import annotations

import contextlib
import socket
import threading

from tests.kafka.process import free_ports

HOST = "127.0.0.1"
CHUNK = 2**16


class Relay:
    """Passes connections to its address on to `target`, a port of the same machine.

    A client that finds nobody behind it is turned away at once.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self._port = free_ports(1)[0]
        self._server = socket.create_server((HOST, self._port))
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._serve, name="relay", daemon=True).start()

    @property
    def address(self) -> str:
        """HOST:PORT for clients."""
        return f"{HOST}:{self._port}"

    @property
    def port(self) -> int:
        """Of HOST, for clients."""
        return self._port

    def drop(self) -> int:
        """Cut all connections that are open; how many they were."""
        cut = list(self._open)
        for client in cut:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        return len(cut)

    def close(self) -> None:
        """Take no more connections; those that are open end with their target."""
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._server.accept()
                try:
                    broker = socket.create_connection((HOST, self.target), timeout=5)
                except OSError:
                    client.close()
                    continue
                broker.settimeout(None)
                self._open.add(client)
                for ends in ((client, broker), (broker, client)):
                    threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        """Pass bytes on until one side ends; then the other does, too."""
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            self._open.discard(end)
            end.close()
