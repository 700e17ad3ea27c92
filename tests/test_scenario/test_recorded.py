"""Replayed arrivals: data files beside a scenario, what they may hold and where they may lie."""

from __future__ import annotations

import os
import pickle
import sys
import time
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from test_scenario.written import problem_of, read_or_refuse, refusal_of, swapped

from simcb.scenario import ScenarioError, parse_scenario, parse_value, read_scenario, schema
from simcb.scenario.arrivals import RatePoint, Replay
from simcb.scenario.recorded import Column, read_recording, recording_text

OPEN = "{kind: poisson, rate: 40/s}"
MOMENTS = swapped(OPEN, "{kind: replay, file: calls.csv}")
RATES = swapped(OPEN, "{kind: replay, file: calls.csv, interval: 1m}")


def replay_of(text: str, folder: Path) -> Replay:
    """Return the replayed arrivals of a scenario with its data file in a folder."""
    arrivals = parse_scenario(text, folder=folder).clients["shop"].arrivals
    assert isinstance(arrivals, Replay)
    return arrivals


@pytest.mark.parametrize(
    "data",
    [
        "0\n0.5\n0.5\n12\n",
        "timestamps\n0\n0.5\n0.5\n12\n",
        "when\n0\n0.5\n0.5\n12",
        "\ufeffTimestamp\r\n0\r\n5e-1\r\n.5\r\n12.0\r\n",
        "# a comment\n\n  0\n\n0.5\n# another\n 0.5 \n12\n\n",
        "user,timestamps,path\na,0,/\nb,0.5,/x\nc,0.5,\nd,12,/\n",
        '"timestamps","who"\n"0","a, b"\n"0.5",c\n0.5,"d"\n12,\n',
        "timestamps,50%,99%\n0,1,2\n0.5,1,2\n0.5,1,2\n12,1,2\n",
        "1,timestamps,\n,0,\n,0.5,\n,0.5,\n,12,\n",
        "metric,timestamps,request_id\nreqs,0,a\nreqs,0.5,b\nreqs,0.5,\n,12,\n",
        "status,start_time\n200,0\n200,0.5\n500,0.5\n200,12\n",
        "Event Time (s),path\n0,/\n0.5,/\n0.5,/\n12,/\n",
        "1700000000\n1700000000.5\n1700000000.500\n1700000012\n",
        "ts\n1700000000000\n1700000000500\n1700000000500\n1700000012000\n",
        "1700000000000000\n1700000000500000\n1700000000500000\n1700000012000000\n",
        "1700000000123456789\n1700000000623456789\n1700000000623456789\n1700000012123456789\n",
        "2026-03-01T23:59:59Z\n2026-03-01T23:59:59.5Z\n2026-03-02 00:59:59.5+01:00\n"
        "2026-03-02T00:00:11.000000000Z\n",
        "2026-03-01 10:00\n2026-03-01T10:00:00.500\n2026-03-01T10:00:00.500000\n"
        "2026-03-01T10:00:12\n",
    ],
)
def test_a_column_of_timestamps_is_read(data: str, tmp_path: Path) -> None:
    """A column with or without header, alone or by its name among others, gives the moments."""
    (tmp_path / "calls.csv").write_bytes(data.encode())
    replay = replay_of(MOMENTS, tmp_path)
    assert replay.moments == (0.0, 0.5, 0.5, 12.0)
    assert replay.rates == ()
    assert replay.points == ()


@pytest.mark.parametrize("data", ["3\n0\n7.5\n", "rates\n3\n0\n7.5\n", "a,rate\nx,3\ny,0\nz,7.5\n"])
def test_with_an_interval_the_rows_are_rates(data: str, tmp_path: Path) -> None:
    """Each rate holds for one interval, in any order of size, and after the last it is 0."""
    (tmp_path / "calls.csv").write_text(data)
    replay = replay_of(RATES, tmp_path)
    assert replay.rates == (3.0, 0.0, 7.5)
    assert replay.moments == ()
    assert replay.points == (
        RatePoint(at=0, rate=3),
        RatePoint(at=60, rate=0),
        RatePoint(at=120, rate=7.5),
        RatePoint(at=180, rate=0),
    )


@pytest.mark.parametrize(
    ("text", "data", "what", "remedy"),
    [
        (MOMENTS, "", "has no rows", "timestamps"),
        (MOMENTS, "# only this\n\n", "has no rows", "timestamps"),
        (MOMENTS, "timestamps\n", "no rows below its header", "timestamps"),
        (MOMENTS, "1\n2s\n", "`2s` in line 2", "stamps"),
        (MOMENTS, "1s\n2\n", "`1s` in line 1", "stamps"),
        (MOMENTS, "nan\n2\n", "`nan` in line 1", "stamps"),
        (MOMENTS, "1\n\ninf\n", "`inf` in line 3", "stamps"),
        (MOMENTS, "1\n1_000\n", "`1_000` in line 2", "stamps"),
        (MOMENTS, "1\n1e999\n", "too large", "at 0"),
        (MOMENTS, "2023-13-01T00:00:00\n", "in line 1", "ISO 8601"),
        (MOMENTS, "2023-01-01T00:00:00\n5\n", "the first is an ISO 8601 stamp", "one way"),
        (MOMENTS, "2023-01-01T00:00:00Z\n2023-01-01T00:00:01\n", "with its time zone", "one way"),
        (MOMENTS, "1700000000\n1\n", "the first is an epoch stamp", "one way"),
        (MOMENTS, "3\n1700000000\n", "the first is in seconds", "one way"),
        (MOMENTS, "1700000001\n1700000000\n", "in line 2, which is before the first", "sort"),
        (MOMENTS, "1700000001\n1700000009\n1700000005\n", "`4` in line 3", "sort"),
        (MOMENTS, "1e25\n", "too large", "at 0"),
        (MOMENTS, "start_time,end_time\n1,2\n", "2 columns that may hold timestamps", "name the"),
        (MOMENTS, "-1\n", "`-1` in line 1, which is negative", "0 or more"),
        (MOMENTS, "1\n3\n2\n", "`2` in line 3, which is less", "sort"),
        (MOMENTS, "1,2\n3,4\n", "2 columns and no header", "`timestamps`"),
        (MOMENTS, "1,a\n3,4\n", "no column `timestamps` (it has: 1, a)", "name one"),
        (MOMENTS, "50%\n3\n", "`50%` in line 1", "stamps"),
        (
            MOMENTS,
            "metric_name,timestamp\nhttp_reqs,1\nhttp_reqs,2\nhttp_req_duration,2\n",
            "has `http_reqs` and, in line 4, `http_req_duration` in its column `metric_name`",
            "keep the rows of one",
        ),
        (
            MOMENTS,
            "timestamps,Request-ID\n1,a\n2,b\n3,a\n",
            "has `a` in lines 2 and 4 of its column `Request-ID`, and each row is one request",
            "keep one row for each",
        ),
        (MOMENTS, "attempt,timestamps\n1,1\n2,1.5\n", "`2` in its column `attempt`", "keep"),
        (MOMENTS, "who,when\n3,4\n", "no column `timestamps` (it has: who, when)", "name one"),
        (MOMENTS, "rates\n3\n", "no column `timestamps`", "interval"),
        (RATES, "timestamps\n3\n", "no column `rates`", "leave `interval` out"),
        (MOMENTS, "timestamp,Timestamps\n3,4\n", "2 columns of timestamps", "one of them"),
        (MOMENTS, "a,timestamps\n3\n", "has nothing in line 2", "stamps"),
        (RATES, "3\n-1\n", "`-1` in line 2, which is negative", "0 or more"),
        (RATES, "3\n1e10\n", "too large", "per second"),
        (MOMENTS, f"1\n{'2' * 200_000}\n", "is not CSV in line 2", "one number a line"),
        (MOMENTS, "1\n\x1b[31m\n", "`\\x1b[31m` in line 2", "stamps"),
    ],
)
def test_a_wrong_data_file_is_told_with_its_line(
    text: str, data: str, what: str, remedy: str, tmp_path: Path
) -> None:
    """What is wrong in a data file is one problem, at the scenario's word for the file."""
    (tmp_path / "calls.csv").write_text(data)
    problem = problem_of(text, folder=tmp_path)
    assert (problem.path, problem.line) == ("clients.shop.arrivals.file", 5)
    assert what in problem.what
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("/etc/passwd", "not a path beside"),
        ("~/calls.csv", "not a path beside"),
        ("../calls.csv", "leads out"),
        ("data/../../calls.csv", "leads out"),
        ("'..\\calls.csv'", "not a path beside"),
        ("'C:calls.csv'", "not a path beside"),
        ('"a\\tb.csv"', "not a path beside"),
        ('""', "not the name of a file"),
        ("3", "not the name of a file"),
        ("[a]", "not the name of a file"),
        ("x" * 300, "too long"),
        (".", "is a directory"),
        ("data", "is a directory"),
        ("calls.cvs", "does not exist"),
        ("data/none.csv", "does not exist"),
        ("latin.csv", "not UTF-8"),
    ],
)
def test_a_data_file_lies_beside_its_scenario_and_nowhere_else(
    file: str, what: str, tmp_path: Path
) -> None:
    """Paths that are absolute, lead out or lead to nothing are refused, each once."""
    home = tmp_path / "home"
    (home / "data").mkdir(parents=True)
    (tmp_path / "calls.csv").write_text("1\n")
    (home / "calls.csv").write_text("1\n")
    (home / "latin.csv").write_bytes(b"1\n\xe4\n")
    problem = problem_of(swapped(OPEN, f"{{kind: replay, file: {file}}}"), folder=home)
    assert problem.path == "clients.shop.arrivals.file"
    assert what in problem.what
    assert problem.remedy


def test_a_misspelt_data_file_is_recognised(tmp_path: Path) -> None:
    """A slip in a file's name comes with the file that was probably meant."""
    (tmp_path / "call.csv").write_text("1\n")
    assert problem_of(MOMENTS, folder=tmp_path).remedy == "did you mean `call.csv`?"


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes are made otherwise there")
def test_links_and_pipes_are_no_way_out(tmp_path: Path) -> None:
    """A link that leads out of the folder is refused, and a pipe is not waited for."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "secret").write_text("1\n")
    (home / "calls.csv").symlink_to(tmp_path / "secret")
    assert "link out of" in problem_of(MOMENTS, folder=home).what
    (home / "calls.csv").unlink()
    os.mkfifo(home / "calls.csv")
    assert "not a regular file" in problem_of(MOMENTS, folder=home).what
    (home / "calls.csv").unlink()
    (home / "calls.csv").symlink_to("calls.csv")
    assert "cannot be read" in problem_of(MOMENTS, folder=home).what


def test_a_huge_data_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """More than 64 MiB are refused by their size alone."""
    with (tmp_path / "calls.csv").open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    assert "64 MiB" in problem_of(MOMENTS, folder=tmp_path).what


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file of as many rows as are allowed is read, one more is refused."""
    monkeypatch.setattr("simcb.scenario.recorded.MOST_ROWS", 3)
    (tmp_path / "calls.csv").write_text("1\n2\n3\n")
    assert len(replay_of(MOMENTS, tmp_path).moments) == 3
    (tmp_path / "calls.csv").write_text("1\n2\n3\n4\n")
    assert "more than 3 rows" in problem_of(MOMENTS, folder=tmp_path).what


def test_a_large_data_file_is_read_in_time(tmp_path: Path) -> None:
    """A hundred thousand moments take a fraction of a second."""
    (tmp_path / "calls.csv").write_text("\n".join(str(n / 1000) for n in range(100_000)))
    begin = time.process_time()
    assert len(replay_of(MOMENTS, tmp_path).moments) == 100_000
    assert time.process_time() - begin < 2


def test_a_file_finds_its_data_beside_it_whatever_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scenario read from a path looks in its own folder, also for a file further in."""
    home = tmp_path / "home"
    (home / "data").mkdir(parents=True)
    (home / "s.yaml").write_text(swapped(OPEN, "{kind: replay, file: data/calls.csv}"))
    (home / "data" / "calls.csv").write_text("1\n2\n")
    monkeypatch.chdir(tmp_path)
    arrivals = read_scenario("home/s.yaml").clients["shop"].arrivals
    assert isinstance(arrivals, Replay)
    assert arrivals.moments == (1.0, 2.0)


def test_a_scenario_without_a_folder_cannot_replay() -> None:
    """Text alone has nothing beside it, which is said with the remedy."""
    problem = problem_of(MOMENTS)
    assert problem.path == "clients.shop.arrivals.file"
    assert "in the same folder" in problem.remedy


def test_a_scenario_can_be_shown_without_its_data() -> None:
    """Where nothing will be run, the data file need not be at hand."""
    scenario = parse_scenario(MOMENTS, replays=False)
    assert scenario.clients["shop"].arrivals.moments == ()
    assert "calls.csv" in scenario.to_yaml()
    assert parse_scenario(scenario.to_yaml(), replays=False) == scenario


def test_the_other_problems_of_a_replay_are_told_too(tmp_path: Path) -> None:
    """A missing file does not hide a wrong interval, and a wrong interval reads no file."""
    text = swapped(OPEN, "{kind: replay, file: calls.csv, interval: 0s}")
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, folder=tmp_path)
    assert [p.path.rpartition(".")[2] for p in caught.value.problems] == ["file", "interval"]
    octal = swapped(OPEN, "{kind: replay, file: calls.csv, interval: 010}")
    assert "leading zero" in problem_of(octal, folder=tmp_path).what


@pytest.mark.parametrize("word", ["moments", "rates"])
def test_the_numbers_stand_in_no_scenario_file(word: str, tmp_path: Path) -> None:
    """What comes from the data file cannot be written, set or found as a place."""
    (tmp_path / "calls.csv").write_text("1\n")
    text = swapped(OPEN, f"{{kind: replay, file: calls.csv, {word}: [1]}}")
    problem = problem_of(text, folder=tmp_path)
    assert problem.path == f"clients.shop.arrivals.{word}"
    assert "read from `file`" in problem.what
    change = problem_of(MOMENTS, folder=tmp_path, sets=[f"arrivals.{word}=[1]"])
    assert "names no place" in change.what


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ("file: calls.csv", True),
        ("file: data/calls.csv, interval: 1m", True),
        ("file: ..data.csv", True),
        ("file: ../calls.csv", False),
        ("file: data/../calls.csv", False),
        ("file: /calls.csv", False),
        ("file: calls.csv, moments: [1]", False),
    ],
)
def test_the_schema_knows_which_data_files_may_be_named(words: str, fits: bool) -> None:
    """An editor sees a path that leads elsewhere as the reader does."""
    text = swapped(OPEN, f"{{kind: replay, {words}}}")
    assert jsonschema.Draft202012Validator(schema()).is_valid(parse_value(text)) == fits
    assert (refusal_of(lambda: parse_scenario(text, replays=False)) is None) == fits


def test_changes_keep_what_was_read(tmp_path: Path) -> None:
    """A changed scenario replays the same numbers, without its folder; so does a copy."""
    (tmp_path / "calls.csv").write_text("1\n2\n")
    scenario = parse_scenario(MOMENTS, folder=tmp_path)
    for other in (
        scenario.with_({"workers": 9}),
        scenario.without_breakers(),
        pickle.loads(pickle.dumps(scenario)),
    ):
        assert other.clients["shop"].arrivals == scenario.clients["shop"].arrivals
    assert hash(pickle.loads(pickle.dumps(scenario))) == hash(scenario)
    assert "moments" not in scenario.to_yaml()
    assert parse_scenario(scenario.to_yaml(), folder=tmp_path) == scenario


def test_a_change_may_bring_its_own_recording_but_not_a_file(tmp_path: Path) -> None:
    """Python may give a whole replay; a mere name of another file has nothing behind it."""
    (tmp_path / "calls.csv").write_text("1\n2\n")
    scenario = parse_scenario(MOMENTS, folder=tmp_path)
    mine = Replay(file="mine.csv", interval="1m", rates=(3, 4))
    assert scenario.with_({"arrivals": mine}).clients["shop"].arrivals == mine
    for changes in ({"arrivals.file": "mine.csv"}, {"arrivals.interval": "1m"}):
        with pytest.raises(ScenarioError, match="was not read"):
            scenario.with_(changes)


def test_two_scenarios_of_other_recordings_are_not_equal(tmp_path: Path) -> None:
    """The numbers belong to the scenario's value, though not to its text."""
    (tmp_path / "calls.csv").write_text("1\n2\n")
    before = parse_scenario(MOMENTS, folder=tmp_path)
    (tmp_path / "calls.csv").write_text("1\n3\n")
    after = parse_scenario(MOMENTS, folder=tmp_path)
    assert before.to_yaml() == after.to_yaml()
    assert before != after


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ({}, "is empty"),
        ({"moments": (2, 1)}, "less than the one before"),
        ({"moments": (float("nan"),)}, "finite"),
        ({"moments": ("1",)}, "not a number"),
        ({"moments": 3}, "not a list"),
        ({"rates": (1,)}, "no interval"),
        ({"moments": (1,), "interval": 3}, "timestamps and an interval"),
        ({"rates": (-1,), "interval": 3}, "negative"),
        ({"rates": (1,), "interval": 3, "resolution": 1}, "rates are replayed"),
    ],
)
def test_python_gives_numbers_that_fit(words: dict[str, object], what: str) -> None:
    """A replay built in Python is checked like one that was read."""
    with pytest.raises(ValidationError, match=what):
        Replay(file="calls.csv", **words)


moments = st.lists(st.floats(0, 1e9), min_size=1, max_size=20).map(sorted)


@given(moments)
def test_recorded_moments_survive_being_written(numbers: list[float]) -> None:
    """The text of a recording reads back to the same numbers, bit for bit."""
    replay = Replay(file="x.csv", moments=numbers)
    lines = replay.to_csv().splitlines(keepends=True)
    assert read_recording(lines, Column.TIMESTAMPS).numbers == replay.moments


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=20))
def test_recorded_rates_survive_being_written(numbers: list[float]) -> None:
    """Rates too, in any order."""
    lines = recording_text(numbers, Column.RATES).splitlines()
    assert read_recording(lines, Column.RATES).numbers == tuple(numbers)


@given(data=st.binary(max_size=60), rates=st.booleans())
def test_any_bytes_beside_a_scenario_never_surprise(
    data: bytes, rates: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any data file is read, or refused in words that can be shown."""
    folder = tmp_path_factory.getbasetemp()
    (folder / "calls.csv").write_bytes(data)
    read_or_refuse(lambda: parse_scenario(RATES if rates else MOMENTS, folder=folder))
