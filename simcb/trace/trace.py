"""A run's record: numpy columns of what happened, saved and loaded without a simulator.

This room knows nothing of how a run is made or measured. A trace is the interface between
the two: whatever a metric or a plot says can be computed again from a saved file.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, get_type_hints

import numpy as np

from simcb.errors import FieldsError
from simcb.outcomes import ATTEMPT_CODE, REQUEST_CODE, AttemptOutcome, RequestOutcome
from simcb.plain_files import open_plain
from simcb.trace import rows_file
from simcb.trace.pieces import PIECE, ascends, pieces
from simcb.trace.rows_file import RowsFile, RowsFileError
from simcb.trace.tables import (
    ATTEMPTS,
    COUNTERS,
    REQUESTS,
    SAMPLES,
    STATE_NAMES,
    TABLES,
    TRANSITIONS,
    Flag,
    Layout,
    Rows,
    Table,
)
from simcb.typed import mistyped

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT_VERSION = 1

MOST_UNPACKED = 2**30
"""Bytes that any trace may unpack to."""

MOST_SWELLING = 200
"""How often its own size a larger one may unpack to; what the rows of a run come to is far less."""


class TraceFileError(FieldsError):
    """A file is not a trace this version can read.

    Args:
        path: the file.
        why: what is wrong with it.
    """

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: not a readable trace: {self.why}"


@dataclass(frozen=True, eq=False)
class Trace:
    """Everything that happened in one run of one scenario with one seed.

    The tables are structured arrays with the columns of `simcb.trace.tables`; a row's
    place is its identity, so `attempts["request"]` indexes `requests` and
    `attempts["parent"]` indexes `attempts`.

    Args:
        layout: the names behind index columns.
        duration: simulated seconds.
        seed: the user's seed.
        replicate: which replicate of that seed this is, from 0.
        scenario: the effective scenario as YAML.
        versions: library name to version, of what made the run.
    """

    layout: Layout
    duration: float
    seed: int
    replicate: int
    scenario: str
    versions: dict[str, str]
    requests: Rows
    attempts: Rows
    transitions: Rows
    samples: Rows
    counters: Rows

    def digest(self) -> str:
        """Return 32 hex digits that identify the result: every column and every name.

        Two runs have the same digest exactly if the same things happened in them; seed,
        versions and the scenario's wording are not part of it.
        """
        return _digest(
            self.layout.to_dict(),
            self.duration,
            {table.name: getattr(self, table.name) for table in TABLES},
        )

    def save(self, path: str | Path) -> None:
        """Write the trace to `path` as a compressed `.npz`, whole or not at all."""
        path = Path(path)
        meta = {
            "format": FORMAT_VERSION,
            "layout": self.layout.to_dict(),
            "duration": self.duration,
            "seed": self.seed,
            "replicate": self.replicate,
            "scenario": self.scenario,
            "versions": self.versions,
        }
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                _write(file, {t.name: getattr(self, t.name) for t in TABLES}, _json(meta))
            os.chmod(name, 0o644)  # mkstemp makes files that only their owner may read
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise

    @classmethod
    def load(cls, path: str | Path, digest: str | None = None) -> Trace:
        """Read what `save` wrote.

        Args:
            path: the file.
            digest: what its result was identified by when it was written, if that is known.

        Raises:
            TraceFileError: the file is missing, damaged, forged, or from another format version.
        """
        try:
            meta, tables = _read(path)
            if meta["format"] != FORMAT_VERSION:
                why = f"format {meta['format']!r}, this version reads {FORMAT_VERSION}"
                raise TraceFileError(str(path), why)
            for table in TABLES:
                rows = tables[table.name]
                if rows.dtype != table.dtype or rows.ndim != 1:
                    raise TraceFileError(str(path), f"table {table.name} has other columns")
            if digest is not None and digest != _digest(meta["layout"], meta["duration"], tables):
                raise TraceFileError(str(path), "it is not what the run wrote: its digest differs")
            trace = cls(
                layout=Layout.from_dict(meta["layout"]),
                duration=meta["duration"],
                seed=meta["seed"],
                replicate=meta["replicate"],
                scenario=meta["scenario"],
                versions=meta["versions"],
                **tables,
            )
            for problem in problems(trace):
                raise TraceFileError(str(path), problem)
        except MemoryError:
            raise TraceFileError(str(path), "it needs more memory than there is") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise TraceFileError(str(path), "what it says of the run is damaged") from None
        return trace


def _write(file: IO[bytes], tables: dict[str, Rows], meta: bytes) -> None:
    """Write a compressed `.npz`, as numpy does, a piece of a table at a time."""
    arrays = tables | {"meta": np.frombuffer(meta, dtype=np.uint8)}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                header = np.lib.format.header_data_from_array_1_0(array)
                np.lib.format.write_array_header_1_0(member, header)
                for _, piece in pieces(array):
                    member.write(piece.tobytes())


def _read(path: str | Path) -> tuple[dict[str, Any], dict[str, Rows]]:
    """Return what a file says of a run, and its tables, as they are.

    Raises:
        TraceFileError: it is no archive, or lacks some of them.
    """
    try:
        with open_plain(path) as file, zipfile.ZipFile(file) as archive:
            unpacked = sum(each.file_size for each in archive.infolist())
            if unpacked > max(MOST_UNPACKED, MOST_SWELLING * os.fstat(file.fileno()).st_size):
                raise TraceFileError(str(path), f"it unpacks to {unpacked / 2**20:,.0f} MiB")
            file.seek(0)
            with np.load(file, allow_pickle=False) as data:
                meta = json.loads(bytes(data["meta"]))
                held = {t.name: _unpacked(archive, t) for t in TABLES if _is_long(archive, t)}
                tables = {t.name: data[t.name] for t in TABLES if t.name not in held}
                return meta, held | tables
    except (TraceFileError, RowsFileError, MemoryError):
        raise
    except Exception as error:
        # What unpacks it raises of a dozen kinds, each with its own words for damage.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise TraceFileError(str(path), reason) from None


def _is_long(archive: zipfile.ZipFile, table: Table) -> bool:
    """Tell whether a table has more rows than are held in memory."""
    packed = archive.getinfo(f"{table.name}.npy").file_size
    return packed // table.row.size > rows_file.ROWS_HELD


def _unpacked(archive: zipfile.ZipFile, table: Table) -> Rows:
    """Return a table that is not held in memory."""
    file, size = RowsFile(table), table.row.size
    with archive.open(f"{table.name}.npy") as packed:
        np.lib.format.read_magic(packed)
        shape, _, columns = np.lib.format.read_array_header_1_0(packed)
        if columns != table.dtype:
            return np.empty(0, columns)  # which is refused for that
        while rows := packed.read(PIECE * size):
            file.take(memoryview(rows), len(rows) // size)
    found = file.rows()
    if shape != found.shape:
        raise ValueError(f"table {table.name} has not the rows it says")
    return found


def _digest(layout: dict[str, Any], duration: float, tables: dict[str, Rows]) -> str:
    state = hashlib.blake2b(digest_size=16)
    state.update(_json({"layout": layout, "duration": duration}))
    for table in TABLES:
        rows = tables[table.name]
        state.update(f"{table.name}:{table.row.format}:{len(rows)}".encode())
        for _, piece in pieces(rows):
            state.update(np.ascontiguousarray(piece).view(np.uint8).data)
    return state.hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


_MOMENTS = (
    (REQUESTS, "arrival", ("end",)),
    (ATTEMPTS, "start", ("end", "arrive", "begin", "freed")),
    (TRANSITIONS, "at", ()),
    (SAMPLES, "at", ()),
)
"""Of each table the moment its rows are in order of, and those that may never have come."""

_COUNTS = (
    (REQUESTS, ("presses",)),
    (ATTEMPTS, ("retry",)),
    (SAMPLES, ("queued", "busy", "capacity")),
    (COUNTERS, ("admitted", "rejected", "successes", "failures", "ignored", "stale")),
)

_OPEN = (
    (REQUESTS, REQUEST_CODE[RequestOutcome.UNFINISHED]),
    (ATTEMPTS, ATTEMPT_CODE[AttemptOutcome.IN_FLIGHT]),
)
"""Of each table the outcome of what has no end."""

_HEADER = ("layout", "duration", "seed", "replicate", "scenario", "versions")


def column_limits(trace: Trace) -> tuple[tuple[str, str, int, int], ...]:
    """Return each column of indexes and codes: table, column, the least, and the first beyond."""
    layout = trace.layout
    replicas = _replicas(layout)
    return (
        ("requests", "group", 0, len(layout.groups)),
        ("requests", "outcome", 0, len(RequestOutcome)),
        ("requests", "cause", 0, len(AttemptOutcome)),
        ("attempts", "request", 0, len(trace.requests)),
        ("attempts", "parent", -1, len(trace.attempts)),
        ("attempts", "call", 0, len(layout.calls)),
        ("attempts", "replica", -1, replicas),
        ("attempts", "breaker", -1, len(layout.breakers)),
        ("attempts", "outcome", 0, len(AttemptOutcome)),
        ("attempts", "flags", 0, 2 * max(Flag)),
        ("transitions", "breaker", 0, len(layout.breakers)),
        ("transitions", "before", 0, len(STATE_NAMES)),
        ("transitions", "after", 0, len(STATE_NAMES)),
        ("samples", "replica", 0, replicas),
        ("counters", "breaker", 0, len(layout.breakers)),
    )


def problems(trace: Trace) -> Iterator[str]:
    """Yield what makes a trace unreadable; what comes later relies on what came before."""
    hints = get_type_hints(type(trace))
    for name in _HEADER:
        for place in mistyped(getattr(trace, name), hints[name], name):
            yield f"its {place} is of another type"
    if not (math.isfinite(trace.duration) and trace.duration > 0):
        yield f"its duration is {trace.duration}"
    yield from _layout_problems(trace.layout)
    for table, column, least, beyond in column_limits(trace):
        rows = getattr(trace, table)
        if _any(rows, lambda each: (each[column] < least) | (each[column] >= beyond)):  # noqa: B023
            yield f"a row of {table} has a {column} that does not exist"
    for counted, columns in _COUNTS:
        for column in columns:
            if _any(getattr(trace, counted.name), lambda each: each[column] < 0):  # noqa: B023
                yield f"a row of {counted.name} has a negative {column}"
    for timed, first, others in _MOMENTS:
        rows = getattr(trace, timed.name)
        if _any(rows, lambda each: ~_within(each[first], trace.duration)):  # noqa: B023
            yield f"a row of {timed.name} has a {first} outside the run"
        if not ascends(rows, first):
            yield f"the rows of {timed.name} are not in order of their {first}"
        for column in others:
            if _any(rows, lambda each: _is_out(each[column], trace.duration)):  # noqa: B023
                yield f"a row of {timed.name} has its {column} outside the run"
    for ended, still_open in _OPEN:
        rows = getattr(trace, ended.name)
        if _any(rows, lambda each: np.isnan(each["end"]) != (each["outcome"] == still_open)):  # noqa: B023
            yield f"a row of {ended.name} has an outcome and no end, or the reverse"


def _any(rows: Rows, test: Callable[[Rows], NDArray[np.bool_]]) -> bool:
    """Tell whether a test is true of any row."""
    return any(test(piece).any() for _, piece in pieces(rows))


def _is_out(moments: NDArray[Any], duration: float) -> NDArray[np.bool_]:
    out: NDArray[np.bool_] = ~(np.isnan(moments) | _within(moments, duration))
    return out


def _within(moments: NDArray[Any], duration: float) -> NDArray[np.bool_]:
    return (moments >= 0) & (moments <= duration)


def _layout_problems(layout: Layout) -> Iterator[str]:
    """Yield which names of a layout point at nothing, or twice at the same."""
    services = {each.name for each in layout.services}
    named = (
        ("group", [*layout.groups]),
        ("service", [each.name for each in layout.services]),
        ("call", [each.name for each in layout.calls]),
        ("breaker", [each.name for each in layout.breakers]),
    )
    for what, names in named:
        if len(set(names)) < len(names):
            yield f"it has two of one {what}'s name"
    if len(layout.deadlines) not in (0, len(layout.groups)):
        yield "it has deadlines of other groups"
    if len(layout.consumers) not in (0, len(layout.groups)):
        yield "it has consumers of other groups"
    first = 0
    for service in layout.services:
        if service.first_replica != first or service.replicas < 1 or service.workers < 1:
            yield f"the replicas of {service.name!r} are not its own"
        first += service.replicas
    for call in layout.calls:
        callers = layout.groups if call.from_client else services
        if call.service not in services or call.caller not in callers or call.processes < 1:
            yield f"the call {call.name!r} has no caller or no service"
    for crash in layout.crashes:
        if not 0 <= crash.replica < first or not math.isfinite(crash.at):
            yield f"replica {crash.replica} crashed and is none of any service"
    for breaker in layout.breakers:
        guarded = all(0 <= call < len(layout.calls) for call in breaker.calls)
        if not guarded or not -1 <= breaker.replica < first:
            yield f"the breaker {breaker.name!r} guards nothing"


def _replicas(layout: Layout) -> int:
    return max((each.first_replica + each.replicas for each in layout.services), default=0)
