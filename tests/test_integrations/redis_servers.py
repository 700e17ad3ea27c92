"""A real redis-server of the test's own, on a free loopback port, that can be stopped."""

from __future__ import annotations

import atexit
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

HOST = "127.0.0.1"


RESERVED: list[socket.socket] = []


@atexit.register
def _give_back() -> None:
    for sock in RESERVED:
        sock.close()


def free_port() -> int:
    """Return a port that nobody listens on, and that no other process is given meanwhile.

    It stays bound to a socket that does not listen: connections are refused, and a server that
    sets SO_REUSEADDR, as all of ours do, can listen there.
    """
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((HOST, 0))
    RESERVED.append(sock)
    port: int = sock.getsockname()[1]
    return port


class RedisServer:
    """Starts and stops one redis-server that keeps nothing on disk."""

    def __init__(self, binary: str, port: int) -> None:
        self.binary = binary
        self.port = port
        self.url = f"redis://{HOST}:{port}/0"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and return when it says that it is ready."""
        settings = f"--bind {HOST} --port {self.port} --appendonly no --daemonize no --save"
        self._process = subprocess.Popen(
            [self.binary, *settings.split(), ""], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if "Ready to accept connections" in line:
                return
        pytest.fail(f"redis-server did not start:\n{''.join(said)}")

    def stop(self) -> None:
        """Stop it at once; a second time does nothing."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.communicate(timeout=600)


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Run a server for the length of the block; skip the test where there is no binary."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not installed (Debian: apt-get install redis-server)")
    server = RedisServer(binary, free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()
