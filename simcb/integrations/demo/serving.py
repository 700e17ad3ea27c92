"""Runs an application on a loopback port, and really takes the port away when it stops."""

from __future__ import annotations

import socket
import threading
from typing import Final

from fastapi import FastAPI

from simcb.errors import FieldsError, MissingExtraError

try:
    import uvicorn
except ImportError as error:
    raise MissingExtraError("uvicorn", "demo") from error

HOST: Final = "127.0.0.1"
HIGHEST_PORT: Final = 65_535
PATIENCE: Final = 10.0
"""Seconds a server may take to start or to stop."""


class PortError(FieldsError):
    """A port cannot be listened on.

    Args:
        port: its number.
        reason: what the system says.
        option: the option that chooses another one.
    """

    port: int
    reason: str
    option: str

    def __str__(self) -> str:
        return (
            f"cannot listen on {HOST}:{self.port}: {self.reason}; choose another port with "
            f"{self.option} (0 takes a free one)"
        )


def listen(port: int, option: str = "--port") -> socket.socket:
    """Returns a socket that listens on a loopback port; 0 takes a free one.

    Raises:
        PortError: if the port is taken or not allowed.
    """
    if not 0 <= port <= HIGHEST_PORT:
        raise PortError(port, f"ports go from 0 to {HIGHEST_PORT}", option)
    # Only for a socket that says it is TCP does asyncio turn off Nagle's algorithm, which
    # would hold back the second half of every answer for 40 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, port))
        sock.listen(128)
        return sock
    except OSError as error:
        sock.close()
        raise PortError(port, error.strerror or str(error), option) from error


class _Announcing(uvicorn.Server):
    """A server that says when it has started, or that it never will."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts serving, then tells whoever waits for it."""
        try:
            await super().startup(sockets)
        finally:
            self.settled.set()


class Service:
    """One application on one port, in a thread of its own, that can be stopped and started.

    Args:
        app: what answers.
        port: where; 0 takes a free port at the first start and keeps to it.
        option: the command line's option for the port, for the error message.
    """

    def __init__(self, app: FastAPI, port: int = 0, *, option: str = "--port") -> None:
        self.app = app
        self.port = port
        self.option = option
        self._lock = threading.Lock()
        self._server: _Announcing | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address of the service."""
        return f"http://{HOST}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the service has been started and not stopped since."""
        return self._server is not None

    def start(self) -> None:
        """Starts the service and returns when it answers; does nothing if it runs.

        Raises:
            PortError: if the port is taken.
        """
        with self._lock:
            if self._server is not None:
                return
            sock = listen(self.port, self.option)
            self.port = sock.getsockname()[1]
            server = _Announcing(
                uvicorn.Config(
                    self.app, log_level="warning", ws="none", timeout_graceful_shutdown=1
                )
            )
            thread = threading.Thread(
                target=server.run, args=([sock],), name=f"port {self.port}", daemon=True
            )
            thread.start()
            if not (server.settled.wait(PATIENCE) and server.started):
                server.should_exit = True
                raise PortError(self.port, "the server did not start", self.option)
            self._server, self._thread = server, thread

    def stop(self) -> None:
        """Stops the service and returns when its port is closed; does nothing if it is stopped."""
        with self._lock:
            if self._server is None or self._thread is None:
                return
            self._server.should_exit = True
            self._thread.join(PATIENCE)
            self._server = self._thread = None
