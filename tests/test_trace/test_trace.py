"""A trace is kept whole: what is saved is what is read, or a clear error."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simcb.trace import (
    ATTEMPTS,
    REQUEST_CODE,
    REQUESTS,
    TABLES,
    BreakerInfo,
    CallInfo,
    FaultInfo,
    Layout,
    RequestOutcome,
    ServiceInfo,
    Trace,
    TraceFileError,
)


def a_trace() -> Trace:
    layout = Layout(
        groups=("shop",),
        services=(ServiceInfo("payments", 0, 1, 4),),
        calls=(CallInfo("shop", "payments", 1.5, True),),
        breakers=(BreakerInfo("shop->payments", 0, -1),),
        faults=(FaultInfo("hang:payments", "hang", "payments", 10.0, 20.0),),
    )
    tables = {table.name: np.zeros(3, dtype=table.dtype) for table in TABLES}
    tables["requests"]["arrival"] = [0.1, 0.2, 0.3]
    tables["requests"]["end"] = [0.15, 0.25, np.nan]
    tables["requests"]["outcome"][2] = REQUEST_CODE[RequestOutcome.UNFINISHED]
    return Trace(layout, 60.0, 7, 0, "name: x\n", {"simcb": "0.1.0"}, **tables)


def test_a_saved_trace_reads_back_the_same(tmp_path: Path) -> None:
    """Names, columns, seed, scenario and digest survive the file."""
    trace = a_trace()
    trace.save(tmp_path / "trace.npz")
    again = Trace.load(tmp_path / "trace.npz")
    assert again.layout == trace.layout
    assert (again.seed, again.replicate, again.duration) == (7, 0, 60.0)
    assert again.scenario == trace.scenario
    assert again.versions == trace.versions
    assert again.digest() == trace.digest()
    for table in TABLES:
        assert getattr(again, table.name).tobytes() == getattr(trace, table.name).tobytes()


def test_the_same_trace_saves_to_the_same_bytes(tmp_path: Path) -> None:
    """A file holds no moment of its making."""
    a_trace().save(tmp_path / "one.npz")
    a_trace().save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_a_digest_sees_every_column_and_every_name() -> None:
    """One changed cell or one renamed entity is another result; seed and versions are not."""
    trace = a_trace()
    seen = {trace.digest()}
    for table in TABLES:
        for column, _, _ in table.columns:
            rows = getattr(trace, table.name).copy()
            rows[column][1] = 5
            seen.add(replace(trace, **{table.name: rows}).digest())
    seen.add(replace(trace, layout=replace(trace.layout, groups=("till",))).digest())
    columns = sum(len(table.columns) for table in TABLES)
    assert len(seen) == 1 + columns + 1
    assert replace(trace, seed=8, versions={}, scenario="").digest() == trace.digest()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"no zip at all",
        lambda data: data[: len(data) // 2],
        lambda data: data[:200] + bytes([data[200] ^ 255]) + data[201:],
    ],
    ids=["empty", "text", "cut", "flipped"],
)
def test_a_damaged_file_is_named_and_refused(tmp_path: Path, spoil: object) -> None:
    """Damage of any kind is an error with the file's name, never a wrong trace."""
    path = tmp_path / "trace.npz"
    a_trace().save(path)
    path.write_bytes(spoil(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(TraceFileError, match=r"trace\.npz"):
        Trace.load(path)


def test_a_missing_file_and_a_foreign_archive_are_refused(tmp_path: Path) -> None:
    """A file that is not there, or another program's arrays, are told apart from a trace."""
    with pytest.raises(TraceFileError, match=r"nowhere\.npz"):
        Trace.load(tmp_path / "nowhere.npz")
    np.savez(tmp_path / "other.npz", a=np.arange(3))
    with pytest.raises(TraceFileError, match=r"other\.npz"):
        Trace.load(tmp_path / "other.npz")


def test_a_failed_save_leaves_nothing_behind(tmp_path: Path) -> None:
    """A save that cannot be finished leaves the folder as it was."""
    target = tmp_path / "trace.npz"
    target.mkdir()
    with pytest.raises(OSError, match=r"trace\.npz"):
        a_trace().save(target)
    assert [path.name for path in tmp_path.iterdir()] == ["trace.npz"]


def test_a_saved_run_can_be_read_without_the_simulator(tmp_path: Path) -> None:
    """Reading a trace needs numpy alone."""
    a_trace().save(tmp_path / "trace.npz")
    code = (
        "import sys; from simcb.trace import Trace;"
        f"Trace.load({str(tmp_path / 'trace.npz')!r});"
        "print({'simpy', 'pydantic', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_rows_are_packed_as_their_dtype_says() -> None:
    """The recorder's struct and numpy's dtype are one layout."""
    for table in TABLES:
        assert table.row.size == table.dtype.itemsize
    row = ATTEMPTS.row.pack(1.0, 2.0, 1.2, 1.5, 1.9, 3, -1, 0, 1, 2, 0, 4, 1)
    parsed = np.frombuffer(row, dtype=ATTEMPTS.dtype)[0]
    assert (parsed["begin"], parsed["parent"], parsed["outcome"]) == (1.5, -1, 4)
    assert REQUESTS.dtype.itemsize <= 24
    assert ATTEMPTS.dtype.itemsize <= 64
