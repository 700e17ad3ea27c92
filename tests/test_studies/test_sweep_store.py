"""The store: nothing valid is lost, nothing torn is believed, nothing foreign is mixed in."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_studies.sweep_cases import OVER, after, kept, scenario, sweep, swept

from simcb.metrics import Verdict
from simcb.options import SweepOptions
from simcb.studies import StudyError
from simcb.studies.evaluation.cells import Cell, Done, Engine, cell_key, scenario_digest
from simcb.studies.evaluation.manifest import StoreChangedError, StoreError, SweepSpec
from simcb.studies.evaluation.store import Store, check_store, decode, encode

KEYS = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(key=KEYS, verdict=st.sampled_from(Verdict), row=st.binary(max_size=200))
def test_a_record_reads_back(key: str, verdict: Verdict, row: bytes) -> None:
    """Whatever its bytes; and it is a line of JSON."""
    line = encode(key, verdict, row)
    assert decode(line.rstrip(b"\n")) == (key, verdict, row)
    assert json.loads(line)["key"] == key


@given(row=st.binary(min_size=1, max_size=60), data=st.data())
def test_a_damaged_record_is_never_believed(row: bytes, data: st.DataObject) -> None:
    """Cut anywhere, or with any byte changed, it is no record."""
    line = encode("0" * 32, Verdict.RECOVERED, row).rstrip(b"\n")
    cut = data.draw(st.integers(0, len(line) - 1))
    assert decode(line[:cut]) is None
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != line[cut]))
    assert decode(line[:cut] + bytes([byte]) + line[cut + 1 :]) is None


def test_what_is_kept_need_not_be_run_again(tmp_path: Path) -> None:
    """A finished sweep opens without running anything, and says the same."""
    first = kept(tmp_path / "s")
    again = kept(tmp_path / "s", resume=True)
    assert (first.tally.ran, first.tally.reused) == (36, 0)
    assert (again.tally.ran, again.tally.reused) == (0, 36)
    assert again.table.values.tobytes() == swept().table.values.tobytes()
    assert again.ranking == swept().ranking


def test_a_stopped_sweep_goes_on(tmp_path: Path) -> None:
    """Stopped twice, resumed twice: every cell is run once, and the end is the same."""
    parts = [kept(tmp_path / "s", resume=True, stop=after(n)) for n in (2, 3)]
    last = kept(tmp_path / "s", resume=True)
    assert not parts[0].complete
    assert sum(each.tally.ran for each in (*parts, last)) == 36
    assert last.table.values.tobytes() == swept().table.values.tobytes()
    assert len(list((tmp_path / "s" / "log").iterdir())) == 3


def test_torn_and_damaged_records_are_counted_and_run_again(tmp_path: Path) -> None:
    """A torn end and a flipped bit cost their two cells, and nothing else."""
    kept(tmp_path / "s")
    (segment,) = (tmp_path / "s" / "log").iterdir()
    content = bytearray(segment.read_bytes()[:-50])
    content[5000] ^= 1
    segment.write_bytes(content)
    again = kept(tmp_path / "s", resume=True)
    assert again.tally.damaged == 2
    assert again.tally.ran == 2
    assert again.table.values.tobytes() == swept().table.values.tobytes()


def test_segments_are_only_added_to(tmp_path: Path) -> None:
    """What an earlier process wrote is never touched again, the manifest included."""
    kept(tmp_path / "s", stop=after(3))
    before = {path: path.read_bytes() for path in (tmp_path / "s").rglob("*.json*")}
    kept(tmp_path / "s", resume=True)
    assert {path: path.read_bytes() for path in before} == before


def test_a_changed_scenario_is_refused_and_named(tmp_path: Path) -> None:
    """The line that differs is in the message."""
    kept(tmp_path / "s", stop=after(1))
    other = scenario().with_({"store.workers": 9})
    with pytest.raises(StoreChangedError) as told:
        sweep(other, OVER, replicates=4, workers=0, out=tmp_path / "s", resume=True)
    assert "workers: 8" in str(told.value)
    assert "workers: 9" in str(told.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"replicates": 5}, "replicates was 4, is 5"),
        ({"seed": 1}, "the seed was 0, is 1"),
        ({"design": "zip"}, "the design was grid, is zip"),
        ({"over": {"breaker.failure_threshold": [1, 3]}}, "the axis was"),
        ({"refine": "success=50%"}, "the refinement was none"),
    ],
)
def test_another_sweep_is_refused_and_named(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    """Whatever decides the results has to be the same."""
    kept(tmp_path / "s", stop=after(1))
    wanted = {"over": OVER, "replicates": 4, "workers": 0, "out": tmp_path / "s", "resume": True}
    with pytest.raises(StoreChangedError) as told:
        sweep(scenario(), **(wanted | changes))  # type: ignore[arg-type]
    assert said in str(told.value)


def test_another_engine_is_refused_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results of two versions are not mixed."""
    kept(tmp_path / "s", stop=after(1))
    other = Engine("9.9", "1", "2.0", "4.1")
    monkeypatch.setattr("simcb.studies.sweep.plan.this_engine", lambda: other)
    with pytest.raises(StoreChangedError, match=r"simcb was .*, is 9\.9"):
        kept(tmp_path / "s", resume=True)


def test_the_objective_may_change(tmp_path: Path) -> None:
    """By what settings are ranked decides no result, so nothing is run again."""
    kept(tmp_path / "s")
    again = kept(tmp_path / "s", resume=True, by="p99")
    assert again.tally.ran == 0
    assert again.objective.column.metric == "p99"


def test_equal_cells_have_equal_keys_and_others_have_not() -> None:
    """Scenario, replicate, seed and engine make the key; the workers do not."""
    engine = Engine("1", "1", "2.0", "4.1")
    digest = scenario_digest(scenario())
    key = cell_key(digest, 0, 0, engine)
    assert key == cell_key(scenario_digest(scenario().with_({})), 0, 0, engine)
    others = {
        cell_key(digest, 1, 0, engine),
        cell_key(digest, 0, 1, engine),
        cell_key(digest, 0, 0, dataclasses.replace(engine, numpy="2.1")),
        cell_key(scenario_digest(scenario().with_({"store.workers": 9})), 0, 0, engine),
    }
    assert len(others | {key}) == 5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no manifest"),
        ('{"format": 7}', "version 7"),
        ('{"format": 1}', "version 1, this simcb knows 2; go on with the simcb that made it"),
        ('{"format": 2, "checksum": "", "study": {}}', "checksum is wrong"),
    ],
)
def test_a_damaged_manifest_is_told(tmp_path: Path, content: str, said: str) -> None:
    """Nothing is guessed and nothing overwritten."""
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(StoreError) as told:
        kept(tmp_path, resume=True)
    assert said in str(told.value)
    assert (tmp_path / "manifest.json").read_text() == content


def test_a_foreign_directory_is_left_alone(tmp_path: Path) -> None:
    """A directory with other files, a log without its manifest, a file, a sweep unasked."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    (tmp_path / "bare" / "log").mkdir(parents=True)
    (tmp_path / "bare" / "log" / "a.jsonl").touch()
    (tmp_path / "file").touch()
    for name, said in (("mine", "thesis.tex"), ("bare", "no manifest"), ("file", "not a dir")):
        with pytest.raises(StoreError) as told:
            check_store(tmp_path / name, resume=True)
        assert said in str(told.value)
    kept(tmp_path / "s", stop=after(1))
    with pytest.raises(StoreError, match="--resume"):
        kept(tmp_path / "s")


def test_a_sweep_that_lost_its_manifest_is_known_by_its_log(tmp_path: Path) -> None:
    """Whatever else it has written, the message says what to bring back."""
    kept(tmp_path)
    (tmp_path / "cells.csv").touch()
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(StoreError, match=r"has a log but no manifest\.json; bring manifest\.json"):
        check_store(tmp_path, resume=True)


def test_a_full_disk_loses_nothing_that_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write that fails, even half done, is told; all before it is used by the next."""
    written = 0
    real = os.write

    def filling(handle: int, data: bytes) -> int:
        nonlocal written
        if bytes(data[:8]) != b'{"key":"' and written < 3:
            return real(handle, data)
        written += 1
        if written == 4:
            return real(handle, bytes(data)[:100])
        if written > 4:
            raise OSError(28, "No space left on device")
        return real(handle, data)

    monkeypatch.setattr(os, "write", filling)
    with pytest.raises(StoreError, match="No space left") as told:
        kept(tmp_path / "s")
    assert "resume" in str(told.value)
    monkeypatch.undo()
    again = kept(tmp_path / "s", resume=True)
    assert again.tally.damaged == 1
    assert 3 <= again.tally.reused < 36
    assert again.table.values.tobytes() == swept().table.values.tobytes()


def test_a_directory_that_cannot_be_written_is_told_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only disk is found out by trying."""

    def refusing(*args: object, **kwargs: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(StoreError, match="Read-only file system"):
        check_store(tmp_path / "s", resume=False)


def test_a_refined_sweep_resumes_to_the_same(tmp_path: Path) -> None:
    """Settings found on the way are found again, and their records used."""
    over = {"faults.0.for": "1s..9s/3"}

    def refined(**more: object):  # type: ignore[no-untyped-def]
        return sweep(  # type: ignore[arg-type]
            scenario(), over, replicates=2, workers=0, refine="success=60%", **more
        )

    whole = refined()
    refined(out=tmp_path / "s", stop=after(6))
    last = refined(out=tmp_path / "s", resume=True)
    assert last.settings == whole.settings
    assert last.tally.reused > 0
    assert last.table.values.tobytes() == whole.table.values.tobytes()


def store_of(folder: Path, records: int, width: int) -> Store:
    """Make a store by hand that has so many records of so many numbers."""
    engine, options = Engine("1", "1", "2.0", "4.1"), SweepOptions(design="grid", replicates=1)
    empty = SweepSpec(engine, ("",), "", (), options, (), (), ())
    store = Store.begin(folder, empty, resume=False)
    done = Done(Cell(0, 0), Verdict.RECOVERED, bytes(8 * width), 0.0)
    for start in range(0, records, 1000):
        store.save((f"{n:032x}", done) for n in range(start, start + 1000))
    store.close()
    return Store(folder)


@pytest.mark.slow
def test_a_large_store_is_read_quickly(tmp_path: Path) -> None:
    """A hundred thousand records of two hundred numbers take a few seconds at the very most.

    Two are the aim on a free machine; the test has to pass on a busy one.
    """
    store = store_of(tmp_path / "s", 100_000, 209)
    begin = time.process_time()
    assert sum(1 for _ in store.records()) == 100_000
    assert time.process_time() - begin < 8.0
    assert store.damaged == 0


def test_workers_must_make_sense() -> None:
    """A negative number, and two ways to run at once, are refused."""
    with pytest.raises(StudyError, match="workers is -1"):
        sweep(scenario(), OVER, workers=-1)
