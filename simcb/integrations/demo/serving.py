"""Runs an application on a loopback port, and really takes the port away when it stops."""

from __future__ import annotations

import socket
import threading
from typing import Final

from fastapi import FastAPI

from simcb.errors import MissingExtraError
from simcb.integrations.ports import HOST, PortError, listen

try:
    import uvicorn
except ImportError as error:
    raise MissingExtraError("uvicorn", "demo") from error

PATIENCE: Final = 10.0
"""Seconds a server may take to start or to stop."""


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
