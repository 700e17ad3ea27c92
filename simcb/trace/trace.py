"""A run's record: numpy columns of what happened, saved and loaded without a simulator.

This room knows nothing of how a run is made or measured. A trace is the interface between
the two: whatever a metric or a plot says can be computed again from a saved file.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simcb.errors import SimcbError
from simcb.trace.layout import Layout
from simcb.trace.tables import TABLES

FORMAT_VERSION = 1

Rows = NDArray[np.void]


class TraceFileError(SimcbError):
    """A file is not a trace this version can read.

    Args:
        path: the file.
        why: what is wrong with it.
    """

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

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
        state = hashlib.blake2b(digest_size=16)
        state.update(_json({"layout": self.layout.to_dict(), "duration": self.duration}))
        for table in TABLES:
            rows = getattr(self, table.name)
            state.update(f"{table.name}:{table.row.format}:{len(rows)}".encode())
            state.update(np.ascontiguousarray(rows).view(np.uint8).data)
        return state.hexdigest()

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
        arrays: dict[str, Any] = {t.name: getattr(self, t.name) for t in TABLES}
        arrays["meta"] = np.frombuffer(_json(meta), dtype=np.uint8)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez_compressed(file, allow_pickle=False, **arrays)
            os.chmod(name, 0o644)  # mkstemp makes files that only their owner may read
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise

    @classmethod
    def load(cls, path: str | Path) -> Trace:
        """Read what `save` wrote.

        Raises:
            TraceFileError: the file is missing, damaged, or from another format version.
        """
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as data:
                meta = json.loads(bytes(data["meta"]))
                tables = {table.name: data[table.name] for table in TABLES}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError, zlib.error) as error:
            raise TraceFileError(str(path), str(error) or type(error).__name__) from None
        if meta.get("format") != FORMAT_VERSION:
            why = f"format {meta.get('format')}, this version reads {FORMAT_VERSION}"
            raise TraceFileError(str(path), why)
        for table in TABLES:
            if tables[table.name].dtype != table.dtype:
                raise TraceFileError(str(path), f"table {table.name} has other columns")
        return cls(
            layout=Layout.from_dict(meta["layout"]),
            duration=meta["duration"],
            seed=meta["seed"],
            replicate=meta["replicate"],
            scenario=meta["scenario"],
            versions=meta["versions"],
            **tables,
        )


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
