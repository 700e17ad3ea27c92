import csv
import json
from pathlib import Path

import pytest
from test_views.small_runs import BARE, GUARDED, answer

from simcb import studies
from simcb.metrics import series
from simcb.scenario import parse_scenario, read_scenario
from simcb.trace import Trace, TraceFileError
from simcb.views import plots
from simcb.views.data import as_json
from simcb.views.files import OutputError, written_by_a_run
from simcb.views.run import Answer, run_document
from simcb.views.saved_runs import open_run
from simcb.views.study_files import write_run

NAMES = {"summary.json", "scenario.yaml", "series.csv", "events.jsonl", "timeline.png", "trace.npz"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory that a run was written into, parents included; not to be changed."""
    return write_run(answer(), tmp_path_factory.mktemp("files") / "deep" / "out")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the picture empty, in tests that do not look at it: drawing takes longest."""
    monkeypatch.setattr(plots, "timeline", lambda _: None)
    monkeypatch.setattr(plots, "save", lambda _, path: path.write_bytes(b""))


def names(folder: Path) -> set[str]:
    """Return the names of a directory's files."""
    return {path.name for path in folder.iterdir()}


def test_a_run_writes_its_files(written: Path) -> None:
    """The directory, parents included, holds the promised files and nothing else."""
    assert names(written) == NAMES
    assert names(written.parent) == {"out"}
    assert all(written_by_a_run(name) for name in NAMES)
    assert (written / "timeline.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("undrawn")
def test_the_summary_is_what_json_prints(tmp_path: Path) -> None:
    """A file and standard output say the same."""
    out = write_run(answer(baseline=True), tmp_path / "out")
    assert json.loads((out / "summary.json").read_text()) == json.loads(
        as_json(run_document(answer(baseline=True)))
    )


def test_the_effective_scenario_reads_back(written: Path) -> None:
    """What was run can be run again from the directory alone."""
    assert parse_scenario((written / "scenario.yaml").read_text()) == parse_scenario(GUARDED)


def test_events_are_all_there_in_order_of_time(written: Path) -> None:
    """Each transition and each begin and end of a fault is a line."""
    events = [json.loads(line) for line in (written / "events.jsonl").read_text().splitlines()]
    moments = [event["at"] for event in events]
    assert moments == sorted(moments)
    kinds = [event["event"] for event in events]
    assert kinds.count("transition") == len(answer().result.trace.transitions)
    assert [(e["event"], e["at"], e["on"]) for e in events if "fault" in e] == [
        ("fault_begins", 10.0, "store"),
        ("fault_ends", 20.0, "store"),
    ]


@pytest.mark.usefixtures("undrawn")
def test_a_fault_that_outlives_the_run_has_no_end(tmp_path: Path) -> None:
    """What did not happen is not written."""
    text = GUARDED.replace("at: 10s, for: 10s", "at: 30s, for: 1h")
    out = write_run(answer(text), tmp_path / "out")
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    assert [event["at"] for event in events if "fault" in event] == [30.0]


@pytest.mark.usefixtures("undrawn")
def test_the_series_hold_what_is_plotted(tmp_path: Path) -> None:
    """A line a second, for each variant and replicate; an empty cell is no value."""
    shown = answer(replicates=3, baseline=True)
    out = write_run(shown, tmp_path / "out")
    with (out / "series.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 3 * 40
    assert {(row["variant"], row["replicate"]) for row in rows} == {
        (variant, str(n)) for variant in ("scenario", "baseline") for n in range(3)
    }
    columns = dict(series(shown.result.runs[1].trace).columns())
    mine = [row for row in rows if (row["variant"], row["replicate"]) == ("scenario", "1")]
    assert [float(row["ok"]) for row in mine] == columns["ok"].tolist()
    assert any(row["success_p99"] == "" for row in mine)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("replicates", "baseline"), [(1, False), (1, True), (3, True)])
def test_a_saved_run_reads_back_as_the_same_result(
    tmp_path: Path, replicates: int, baseline: bool
) -> None:
    """Digests, measures, thresholds and verdicts survive; nothing is run again."""
    shown = answer(replicates=replicates, baseline=baseline)
    found = open_run(write_run(shown, tmp_path / "out"))
    assert found.digest == shown.result.digest
    assert found.summary == shown.result.summary
    assert found.thresholds == shown.result.thresholds
    assert found.judgement == shown.result.judgement
    assert found.scenario == shown.result.scenario
    assert [run.replicate for run in found.runs] == list(range(replicates))
    assert (found.baseline is not None) is baseline
    if baseline:
        assert found.baseline is not None
        assert shown.result.baseline is not None
        assert found.baseline.summary == shown.result.baseline.summary


def test_a_plot_of_a_saved_run_is_the_plot_of_the_run(tmp_path: Path, written: Path) -> None:
    """Redrawing from a file gives the same bytes as drawing at once."""
    plots.save(plots.timeline(open_run(written)), tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == (written / "timeline.png").read_bytes()


@pytest.mark.usefixtures("undrawn")
def test_a_single_trace_is_enough(tmp_path: Path) -> None:
    """One trace file is a result of one replicate."""
    out = write_run(answer(replicates=3), tmp_path / "out")
    found = open_run(out / "trace-2.npz")
    assert [run.replicate for run in found.runs] == [2]
    assert found.trace.digest() == answer(replicates=3).result.runs[2].trace.digest()


def test_the_same_run_writes_the_same_bytes(tmp_path: Path, written: Path) -> None:
    """Every file of a directory is reproducible."""
    again = write_run(answer(), tmp_path / "again")
    for name in NAMES:
        assert (written / name).read_bytes() == (again / name).read_bytes(), name


@pytest.mark.usefixtures("undrawn")
def test_force_replaces_an_earlier_run_completely(tmp_path: Path) -> None:
    """No file of the old run is left beside the new ones, and nothing lies around."""
    write_run(answer(replicates=3), tmp_path / "out")
    with pytest.raises(OutputError, match="--force"):
        write_run(answer(BARE), tmp_path / "out")
    out = write_run(answer(BARE), tmp_path / "out", force=True)
    assert names(out) == NAMES
    assert names(tmp_path) == {"out"}
    assert open_run(out).scenario.name == "bare"


@pytest.mark.usefixtures("undrawn")
def test_an_error_while_writing_leaves_the_old_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk in the middle costs neither the old files nor leaves half of the new ones."""
    out = write_run(answer(), tmp_path / "out")
    before = {name: (out / name).read_bytes() for name in NAMES}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Trace, "save", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_run(answer(BARE), tmp_path / "out", force=True)
    assert {name: (out / name).read_bytes() for name in names(out)} == before
    assert names(tmp_path) == {"out"}


def test_files_have_the_permissions_of_any_new_file(tmp_path: Path, written: Path) -> None:
    """Colleagues can read what they could read if it had been written by hand."""
    (tmp_path / "usual").write_text("")
    (tmp_path / "folder").mkdir()
    assert written.stat().st_mode == (tmp_path / "folder").stat().st_mode
    for name in NAMES:
        assert (written / name).stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.usefixtures("undrawn")
def test_a_directory_without_a_run_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    """Each mistake has its sentence."""
    with pytest.raises(TraceFileError, match="no such file"):
        open_run(tmp_path / "nothing")
    with pytest.raises(TraceFileError, match="simcb run --out"):
        open_run(tmp_path)
    out = write_run(answer(replicates=3, baseline=True), tmp_path / "out")
    (out / "trace-1.npz").write_bytes((out / "trace-1.npz").read_bytes()[:1000])
    with pytest.raises(TraceFileError, match="not a readable trace"):
        open_run(out)
    (out / "trace-1.npz").unlink()
    with pytest.raises(TraceFileError, match="2 traces and 3 of the baseline"):
        open_run(out)


@pytest.mark.usefixtures("undrawn")
def test_traces_of_two_runs_are_not_mixed(tmp_path: Path) -> None:
    """A trace that was copied in from elsewhere is refused by name."""
    out = write_run(answer(replicates=3), tmp_path / "out")
    answer(BARE).result.trace.save(out / "trace-1.npz")
    with pytest.raises(TraceFileError, match=r"trace-1.npz.*not what the run wrote"):
        open_run(out)
    (out / "summary.json").unlink()
    with pytest.raises(TraceFileError, match=r"trace-1.npz.*from another run"):
        open_run(out)


def test_recorded_arrivals_lie_beside_the_scenario_that_replays_them(tmp_path: Path) -> None:
    """What a run wrote can be run again, recorded arrivals and all, from its own directory."""
    (tmp_path / "monday.csv").write_text("0.5\n1.5\n9.0\n")
    source = tmp_path / "replay.yaml"
    source.write_text(
        "name: replay\nduration: 20s\n"
        "clients: {web: {arrivals: {kind: replay, file: monday.csv}, calls: {api: {}}}}\n"
        "services: {api: {workers: 1, work: 100ms}}\n"
    )
    result = studies.run(read_scenario(source))
    place = write_run(Answer(result), tmp_path / "out")
    again = studies.run(read_scenario(place / "scenario.yaml"))
    assert again.digest == result.digest
    assert len(again.trace.requests) == 3
    assert write_run(Answer(result), tmp_path / "out", force=True) == place
