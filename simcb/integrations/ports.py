"""Sockets that listen on this machine, and why one cannot."""

from __future__ import annotations

import errno
import socket
from typing import Final

from simcb.errors import FieldsError

HOST: Final = "127.0.0.1"
HIGHEST_PORT: Final = 65_535


class PortError(FieldsError):
    """A port cannot be listened on.

    Args:
        port: its number.
        reason: what the system says.
        option: the option that chooses another one.
        host: the address it is asked for on.
    """

    port: int
    reason: str
    option: str
    host: str = HOST

    def __str__(self) -> str:
        return (
            f"cannot listen on {self.host}:{self.port}: {self.reason}; choose another port with "
            f"{self.option} (0 takes a free one)"
        )


class AddressError(FieldsError):
    """An address cannot be listened on: it is none of this machine.

    Args:
        host: the address.
        reason: what the system says.
    """

    host: str
    reason: str

    def __str__(self) -> str:
        return (
            f"cannot listen on {self.host!r}: {self.reason}; give --host an address of this machine"
        )


def listen(port: int, option: str = "--port", host: str = HOST) -> socket.socket:
    """Returns a socket that listens on a port; 0 takes a free one.

    Args:
        port: its number.
        option: the command line's option for it, for the error message.
        host: an address of this machine; only the machine itself reaches 127.0.0.1.

    Raises:
        PortError: if the port is taken or not allowed.
        AddressError: if the address is none of this machine's.
    """
    if not 0 <= port <= HIGHEST_PORT:
        raise PortError(port, f"ports go from 0 to {HIGHEST_PORT}", option, host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only for a socket that says it is TCP does asyncio turn off Nagle's algorithm, which
    # would hold back the second half of every answer for 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(1024)
        return sock
    except OSError as error:
        sock.close()
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise AddressError(host, error.strerror or str(error)) from error
        raise PortError(port, error.strerror or str(error), option, host) from error
