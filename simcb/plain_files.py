"""Files that a study left, opened only if they are files: no pipe to wait for, no endless device.

What lies in a directory may have been put there by anybody.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_plain(path: str | Path) -> BinaryIO:
    """Open a regular file for reading, or a link to one; nothing else is waited for.

    Raises:
        OSError: it is no regular file, or cannot be opened.
    """
    # A pipe that nobody writes to would keep a plain open waiting for ever.
    waitless = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, os.O_RDONLY | waitless)
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            what = "is a directory" if stat.S_ISDIR(mode) else "is not a regular file"
            raise OSError(errno.EINVAL, what, str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_plain(path: str | Path, most: int) -> bytes:
    """Return what is in a regular file of at most so many bytes.

    Raises:
        OSError: it is no regular file, or larger, or cannot be read.
    """
    with open_plain(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, f"is larger than {most / 2**20:.0f} MiB", str(path))
        return file.read(most)
