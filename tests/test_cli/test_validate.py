import csv
import io
import json
import pickle
from collections.abc import Iterator
from dataclasses import replace

import pytest
from test_cli.commands import process, simcb

from simcb.evidence import CASES
from simcb.scenario import Scenario, parse_scenario
from simcb.trace import Trace
from simcb.views.formats import Format
from simcb.world import simulate

FEW = ("--only", "gc-pause", "--only", "rate-points")
NUMBERS = len(CASES["gc-pause"].claims) + len(CASES["rate-points"].claims)


@pytest.fixture(scope="module", autouse=True)
def _no_case_is_run_twice() -> Iterator[None]:
    """Remember the runs: the tests differ in what is said of them."""

    def kept(scenario: Scenario, seed: int, replicate: int) -> Trace:
        key = pickle.dumps((scenario, seed, replicate))
        if key not in known:
            known[key] = simulate(scenario, seed, replicate)
        return known[key]

    known: dict[bytes, Trace] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simcb.evidence.validating.simulate", kept)
        yield


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the expectation of one case be wrong."""
    case = CASES["gc-pause"]
    claims = (replace(case.claims[0], expected=418.0), *case.claims[1:])
    monkeypatch.setitem(CASES, "gc-pause", replace(case, claims=claims))


def test_numbers_are_shown_with_what_was_expected() -> None:
    """Each number has a line with expected, got, interval and verdict; all good is exit 0."""
    done = simcb("validate", *FEW)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert sum(line.endswith("✓ holds") for line in lines) == NUMBERS
    assert next(line for line in lines if "from 15 s" in line).split()[3:5] == ["600", "596.12"]
    assert "deterministic" in next(line for line in lines if "least growth" in line)
    assert lines[-1] == f"all {NUMBERS} numbers of 2 cases hold"
    assert done.stderr == ""


@pytest.mark.usefixtures("wrong")
@pytest.mark.parametrize("form", Format)
def test_wrong_number_is_exit_1_in_every_format(form: Format) -> None:
    """A number that does not come out is a bug, named on standard error."""
    done = simcb("validate", *FEW, "--format", form.value)
    assert done.exit_code == 1
    assert f"1 of {NUMBERS} numbers of 2 cases does not hold: gc-pause" in done.stderr
    assert "bug" in done.stderr
    assert ("} 0.0" if form is Format.OPENMETRICS else "fails") in done.stdout


def test_json_holds_everything_to_check_it_again() -> None:
    """Programs get numbers, laws, sources, and the scenarios themselves."""
    done = simcb("validate", *FEW, "--format", "json")
    whole = json.loads(done.stdout)
    assert whole["holds"] is True
    assert whole["full"] is False
    assert [case["name"] for case in whole["cases"]] == ["gc-pause", "rate-points"]
    for case in whole["cases"]:
        assert case["law"] == CASES[case["name"]].law
        assert all(number["verdict"] == "holds" for number in case["numbers"])
        assert all(number["low"] <= number["got"] <= number["high"] for number in case["numbers"])
        for text in case["scenarios"].values():
            assert parse_scenario(text).duration > 0


def test_csv_has_one_line_for_each_number() -> None:
    """A spreadsheet gets a header and plain numbers."""
    rows = list(csv.DictReader(io.StringIO(simcb("validate", *FEW, "--format", "csv").stdout)))
    assert len(rows) == NUMBERS
    assert {row["verdict"] for row in rows} == {"holds"}
    assert float(rows[0]["expected"]) == float(rows[0]["got"]) == 417.0


def test_markdown_is_two_tables() -> None:
    """A pull request gets the numbers and the laws."""
    text = simcb("validate", *FEW, "--format", "md").stdout
    assert text.startswith(f"**all {NUMBERS} numbers of 2 cases hold**")
    assert text.count("| gc-pause |") == len(CASES["gc-pause"].claims) + 1


def test_list_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--list` names every case with its law, and says which are left to `--full`."""
    monkeypatch.setattr("simcb.evidence.validating.simulate", lambda *_: pytest.fail("run"))
    done = simcb("validate", "--list")
    assert done.exit_code == 0
    for case in CASES.values():
        mark = "" if case.quick else " (with --full)"
        assert f"\n{case.name}{mark}: " in f"\n{done.stdout}"


def test_unknown_case_is_exit_2() -> None:
    """A typo is answered with the nearest name."""
    done = simcb("validate", "--only", "gc-pauze")
    assert done.exit_code == 2
    assert "did you mean `gc-pause`?" in done.stderr


def test_plain_terminal_gets_ascii() -> None:
    """Greek letters have a counterpart where there is no Unicode."""
    done = process("validate", "--list", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert b"lambda(1+n) < C" in done.stdout
    assert b"\\" not in done.stdout


def test_one_case_is_counted_in_the_singular() -> None:
    """The last line is a sentence."""
    last = simcb("validate", "--only", "gc-pause").stdout.splitlines()[-1]
    assert last.endswith("numbers of 1 case hold")
