"""The store of a sweep: a directory in which every finished cell is kept, whatever happens.

`manifest.json` says what is swept. `log/` has one segment for each process that ever worked on
it, and a segment is only ever appended to, by that process alone: so nothing that was once
written is touched again, and a torn line can only be the last of a segment. A record is a
line of JSON that ends in a checksum of all before it:

    {"key":"…32 hex…","verdict":"recovered","row":"…base64…","crc":"…8 hex…"}

Its row is what `columns.packed` makes. A line whose checksum is wrong is as if it had never
been written: it is counted, and its cell is run again.

What is on the disk when: every batch of finished cells is handed to the operating system at
once, which survives the death of the process; and is forced onto the disk at most a second
later, at the end and at an interrupt, which survives the death of the machine.
"""

from __future__ import annotations

import base64
import binascii
import os
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from simcb.metrics import Verdict
from simcb.plain_files import open_plain
from simcb.studies.evaluation.cells import Done
from simcb.studies.evaluation.manifest import (
    LOG,
    MANIFEST,
    Spec,
    StoreChangedError,
    StoreError,
    differences,
    read_manifest,
    write_manifest,
)

SYNC_EVERY = 1.0
"""Seconds after which records are forced onto the disk."""

MOST_LINE = 2**24
"""Bytes that no line of a log comes near; more without an end is a file of something else."""

_HEAD = b'{"key":"'
_KEY = slice(8, 40)
_VERDICT = b'","verdict":"'
_ROW = b'","row":"'
_CRC = b'","crc":"'
_TAIL = b'"}'

Record = tuple[str, Verdict, bytes]
"""A cell's key, verdict and row."""


def encode(key: str, verdict: Verdict, row: bytes) -> bytes:
    """Return a record's line."""
    parts = (_HEAD, key.encode(), _VERDICT, verdict.value.encode(), _ROW, base64.b64encode(row))
    body = b"".join(parts)
    return b"%s%s%08x%s\n" % (body, _CRC, zlib.crc32(body), _TAIL)


def decode(line: bytes) -> Record | None:
    """Return what a line, without its end, records; None if it is torn or damaged."""
    body, found, end = line.rpartition(_CRC)
    if not found or len(end) != 10 or end != b"%08x%s" % (zlib.crc32(body), _TAIL):
        return None
    try:
        head, _, row = body.partition(_ROW)
        key, _, verdict = head[len(_HEAD) :].partition(_VERDICT)
        return key.decode(), Verdict(verdict.decode()), base64.b64decode(row, validate=True)
    except (ValueError, binascii.Error):
        return None


class Store:
    """Where the finished cells of a sweep are kept.

    Args:
        folder: the directory; it holds a manifest.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segment: int | None = None
        self._synced = time.monotonic()
        self.damaged = 0
        """How many records were torn or damaged when the log was read."""

    @classmethod
    def begin(cls, directory: str | Path, spec: Spec, *, resume: bool) -> Store:
        """Open a directory for a sweep: a new one, or with `resume` the one it holds.

        Raises:
            StoreError: it holds something else, or cannot be written.
            StoreChangedError: it holds a sweep of something else.
        """
        folder = Path(directory)
        check_store(folder, resume=resume)
        try:
            held = read_manifest(folder) if (folder / MANIFEST).exists() else None
            if held is not None and held.decisive != spec.decisive:
                raise StoreChangedError(str(directory), differences(held, spec), spec.kind)
            (folder / LOG).mkdir(parents=True, exist_ok=True)
            if held is None:
                write_manifest(folder, spec)
        except OSError as error:
            raise _unwritable(folder, error) from None
        return cls(folder)

    def records(self) -> Iterator[Record]:
        """Yield every record of the log that is whole; count the others.

        Raises:
            StoreError: there is no log, or a segment cannot be read or is none.
        """
        self.damaged = 0
        log = self._folder / LOG
        if not log.is_dir():
            remedy = "bring it back, or go on with --resume: all its runs are made again"
            raise StoreError(str(log), "is not there, and the finished runs with it", remedy)
        for path in sorted(log.glob("*.jsonl")):
            try:
                with open_plain(path) as file:
                    while line := file.readline(MOST_LINE):
                        record = decode(line.rstrip(b"\n"))
                        if record is not None:
                            yield record
                        elif len(line) == MOST_LINE:
                            remedy = "move it out of the log, and resume"
                            raise StoreError(str(path), "is no segment of a log", remedy)
                        else:
                            self.damaged += 1
            except OSError as error:
                remedy = "make it readable or move it out of the log, and resume"
                raise StoreError(str(path), f"cannot be read ({error.strerror})", remedy) from None

    def save(self, done: Iterable[tuple[str, Done]]) -> None:
        """Append finished cells to this process's segment, by their keys.

        Raises:
            StoreError: the disk is full or cannot be written; what was saved before is whole.
        """
        lines = b"".join(
            encode(key, each.verdict, each.row) for key, each in done if each.verdict is not None
        )
        if not lines:
            return
        try:
            handle = self._opened()
            rest = memoryview(lines)
            while rest:
                rest = rest[os.write(handle, rest) :]
            if time.monotonic() - self._synced >= SYNC_EVERY:
                self.sync()
        except OSError as error:
            raise _unwritable(self._folder, error) from None

    def sync(self) -> None:
        """Force what was saved onto the disk."""
        if self._segment is not None:
            os.fsync(self._segment)
        self._synced = time.monotonic()

    def close(self) -> None:
        """Force what was saved onto the disk and let go of it.

        Raises:
            StoreError: the disk does not take it.
        """
        handle, self._segment = self._segment, None
        if handle is None:
            return
        try:
            os.fsync(handle)
        except OSError as error:
            raise _unwritable(self._folder, error) from None
        finally:
            os.close(handle)

    def _opened(self) -> int:
        if self._segment is None:
            path = self._folder / LOG / f"{uuid.uuid4()}.jsonl"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
            self._segment = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o644)
        return self._segment


def check_store(directory: str | Path, *, resume: bool) -> None:
    """Check, before anything is run, that a directory can hold a sweep.

    Raises:
        StoreError: it holds something else, or cannot be written to.
    """
    folder = Path(directory)
    try:
        if folder.exists() and not folder.is_dir():
            raise StoreError(str(folder), "is not a directory", "name another")
        entries = folder.iterdir() if folder.exists() else ()
        # What a killed process was about to write begins with a dot.
        names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
        if MANIFEST in names:
            if not resume:
                remedy = "add --resume to go on with it, or name another directory"
                raise StoreError(str(folder), "holds a sweep already", remedy)
        elif any((folder / LOG).glob("*.jsonl")):
            # Whatever else lies there may be what a sweep writes at its end.
            remedy = f"bring {MANIFEST} back, or name another directory"
            raise StoreError(str(folder), f"has a log but no {MANIFEST}", remedy)
        elif names and set(names) != {LOG}:
            remedy = "name an empty or a new directory"
            raise StoreError(str(folder), f"holds {names[0]!r} and no sweep", remedy)
        _try_to_write(folder)
    except OSError as error:
        raise _unwritable(folder, error) from None


def _try_to_write(folder: Path) -> None:
    """Make a file and take it away again; only trying tells, whatever the permissions say."""
    place = folder / LOG if (folder / LOG).is_dir() else folder
    while not place.exists():
        place = place.parent
    probe = place / f".probe-{uuid.uuid4()}"
    os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    probe.unlink()


def _unwritable(folder: Path, error: OSError) -> StoreError:
    reason = error.strerror or type(error).__name__
    kept = "every cell saved so far is kept" if (folder / MANIFEST).exists() else "nothing was run"
    remedy = f"make room or make it writable, then resume; {kept}"
    return StoreError(str(error.filename or folder), f"cannot be written ({reason})", remedy)
