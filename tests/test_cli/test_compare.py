"""`simcb compare`: exit codes, saved runs, formats, and clear refusals."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_cli.commands import simcb

from simcb import studies
from simcb.options import CompareOptions, JobOptions
from simcb.scenario import parse_scenario
from simcb.studies.compare import compare
from simcb.studies.variants import Variant
from simcb.views.compare import answer_of, compare_document
from simcb.views.compare_view import CompareView
from simcb.views.document import Page
from simcb.views.notebook import open as open_saved
from simcb.views.run import Answer
from simcb.views.screen import as_screen
from simcb.views.study_files import write_run

SMALL = """
name: small
duration: 12s
clients:
  shop:
    arrivals: {kind: constant, rate: 10/s}
    calls: {store: {timeout: 500ms, breaker: {failure_threshold: 3, recovery_timeout: 2s}}}
services:
  store: {workers: 8, work: 20ms}
faults:
  - {kind: refuse, on: store, at: 4s, for: 4s}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return str(path)


def test_a_comparison_is_the_same_in_every_format(file: str) -> None:
    """The headline of the screen is that of JSON; CSV has a row for every number."""
    words = ("compare", file, "--with", "none", "-n", "2", "--workers", "0")
    screen, data, rows = (simcb(*words, "--format", each) for each in ("table", "json", "csv"))
    assert screen.exit_code == data.exit_code == rows.exit_code == 0, screen.output
    found = json.loads(data.stdout)
    assert screen.stdout.startswith(found["headline"])
    assert [each["name"] for each in found["variants"]] == ["small", "no breaker"]
    assert found["paired"] is True
    assert rows.stdout.startswith("variant,metric,unit,phase,of,mean")
    assert screen.stdout.rstrip().endswith("--workers 0") is False
    assert "--with none" in screen.stdout.splitlines()[-1]
    assert "--seed 0" in screen.stdout.splitlines()[-1]
    assert max(map(len, screen.stdout.splitlines()[:-1])) <= 100


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("answered < 1%", 0),
        ("none: answered{fault} < 50%", 99),
        ("small: answered < 1%", 0),
        ("time_to_trip > 1h", 99),
        ("change answered < -50%", 0),
        ("nobody: answered < 1%", 2),
    ],
)
def test_a_condition_decides_the_exit_code(file: str, condition: str, code: int) -> None:
    """99 if it holds or is undefined, 2 if it names nobody."""
    done = simcb(
        *("compare", file, "--with", "none", "-n", "1", "--workers", "0", "--fail-if", condition)
    )
    assert done.exit_code == code, done.output


def test_saved_runs_are_compared_without_running_them(tmp_path: Path) -> None:
    """Of one seed they are pairs; of different ones not, and that is said."""
    scenario = parse_scenario(SMALL)
    for name, seed, each in (
        ("a", 1, scenario),
        ("b", 1, scenario.without_breakers()),
        ("c", 2, scenario),
    ):
        write_run(Answer(studies.run(each, seed=seed, replicates=2)), tmp_path / name)
    pairs = simcb("compare", str(tmp_path / "a"), str(tmp_path / "b"), "--format", "json")
    assert json.loads(pairs.stdout)["paired"] is True
    apart = simcb("compare", str(tmp_path / "a"), str(tmp_path / "c"))
    assert "share no random streams" in " ".join(apart.stdout.split())
    refused = simcb("compare", str(tmp_path / "a"), "--with", "none", "--set", "duration=5s")
    assert refused.exit_code == 2
    assert "change no saved run" in refused.output


def test_a_change_needs_no_option(file: str) -> None:
    """Words that no file bears mean what --with says of them."""
    brief = ("-n", "2", "--format", "csv")
    short = simcb("compare", file, "none", "nine: failure_threshold=9", *brief)
    words = ("--with", "none", "--with", "nine: failure_threshold=9")
    long = simcb("compare", file, *words, *brief)
    assert short.stdout == long.stdout != ""


def test_a_directory_of_a_sweep_is_no_variant(file: str, tmp_path: Path) -> None:
    """What it holds is said, and what to name instead."""
    kept = str(tmp_path / "kept")
    sweep = simcb(
        *("sweep", file, "--over", "failure_threshold=3,5", "-n", "1"),
        *("--workers", "0", "--out", kept),
    )
    assert sweep.exit_code == 0, sweep.output
    done = simcb("compare", kept, file)
    assert done.exit_code == 2
    assert "holds a sweep" in done.output


def test_hostile_names_reach_no_output_raw(file: str) -> None:
    """Escapes are shown, and a spreadsheet sees no formula."""
    words = ("compare", file, "--with", "\x1b31m<b>: none", "--with", "+1+x: none", "-n", "1")
    for form in ("table", "md", "json", "csv"):
        done = simcb(*words, "--workers", "0", "--format", form)
        assert done.exit_code == 0, done.output
        assert "\x1b" not in done.stdout
    assert "\n'+1+x," in done.stdout
    assert "\n+1" not in done.stdout


def test_a_table_of_five_variants_goes_on_below() -> None:
    """Piped as well it takes 100 columns: in parts, each with the names, and with all intervals."""
    varied = SMALL.replace("constant, rate: 10/s", "poisson, rate: 100/s")
    varied = varied.replace("kind: refuse", "kind: errors, rate: 30%")
    variants = [
        Variant(
            f"variant no. {place:02}",
            parse_scenario(varied).with_({"breaker.failure_threshold": n}),
        )
        for place, n in enumerate((3, 4, 5, 6, 7), start=1)
    ]
    comparison = compare(variants, CompareOptions(replicates=3), JobOptions(workers=0))
    brief = compare_document(answer_of(comparison)).brief
    assert brief is not None
    screens = [as_screen(brief, Page(width)).plain for width in (1_000_000, 100)]
    assert all(max(map(len, each.splitlines())) <= 100 for each in screens)
    piped, narrow = screens
    heads = [line.split("  ") for line in piped.splitlines() if line.startswith("    ")]
    names = [[name.strip() for name in line if name.strip()] for line in heads]
    assert len(names) > 1
    assert [name for line in names for name in line] == [each.name for each in variants]
    rows = [line for line in piped.splitlines() if line.startswith("answered{fault} ")]
    assert len(rows) == len(names)
    assert sum(line.count("±") + line.count("[") for line in rows) == len(variants)
    assert "no room for" not in piped
    assert "no room for the intervals" in narrow


WORDS = ("--with", "polly", "--with", "now: none", "-n", "2", "--workers", "0", "-q")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory beside a comparison's, `out`, and its page; not to be changed."""
    folder = tmp_path_factory.mktemp("compared")
    (folder / "small.yaml").write_text(SMALL)
    done = simcb(
        *("compare", str(folder / "small.yaml"), *WORDS, "--fail-if", "now: answered{fault} < 50%"),
        *("--fail-if", "change p99 > 1h"),
        *("--out", str(folder / "out"), "--report", str(folder / "page.html")),
    )
    assert done.exit_code == 99, done.output
    return folder


def test_a_saved_comparison_is_what_it_was(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page and picture to the byte, names, marks and conditions and all, and nothing is run."""
    monkeypatch.setattr("simcb.world.simulate", lambda *_: pytest.fail("it was run"))
    page, picture = tmp_path / "again.html", tmp_path / "again.png"
    assert simcb("report", str(kept / "out"), "--out", str(page)).exit_code == 0
    assert page.read_bytes() == (kept / "page.html").read_bytes()
    assert simcb("plot", str(kept / "out"), str(picture)).exit_code == 0
    assert picture.read_bytes() == (kept / "out" / "compare.png").read_bytes()
    view = open_saved(kept / "out")
    assert isinstance(view, CompareView)
    assert view.names == ("small", "like polly", "now")
    assert not view.good
    assert view.headline in page.read_text()


def test_the_picture_of_a_saved_comparison_goes_beside_it(kept: Path, tmp_path: Path) -> None:
    out = shutil.copytree(kept / "out", tmp_path / "out")
    (out / "compare.png").unlink()
    assert simcb("plot", str(out)).exit_code == 0
    assert (out / "compare.png").read_bytes() == (kept / "out" / "compare.png").read_bytes()
    refused = simcb("plot", str(out), "--by", "p99")
    assert refused.exit_code == 2
    with pytest.raises(studies.StudyError, match="is no sweep"):
        open_saved(out, by="p99")


def _said(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """Return what changes a directory's summary."""

    def spoil(out: Path) -> None:
        said = json.loads((out / "summary.json").read_text())
        change(said)
        (out / "summary.json").write_text(json.dumps(said))

    return spoil


def _swap(out: Path) -> None:
    for old, new in (("variant-1", "x"), ("variant-2", "variant-1"), ("x", "variant-2")):
        (out / old).rename(out / new)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda out: (out / "summary.json").unlink(), "summary.json is missing or damaged"),
        (lambda out: (out / "summary.json").write_text("[1"), "json is missing or damaged"),
        (lambda out: shutil.copy(out / "variant-1" / "summary.json", out), "missing or damaged"),
        (
            lambda out: shutil.rmtree(out / "variant-3"),
            "tells of 3 variants, and 2 are here",
        ),
        (
            lambda out: (out / "variant-03").mkdir(),
            "tells of 3 variants, and 4 are here",
        ),
        (lambda out: (out / "variant-2" / "trace-0.npz").unlink(), "tells of 2 traces"),
        (_swap, "variant-1 is not the run that was compared"),
        (_said(lambda said: said.update(variants={"a": 1})), "missing or damaged"),
        (_said(lambda said: said.update(variants=said["variants"][:1])), "of 1 variants"),
        (_said(lambda said: said["variants"][1].update(name="small")), "two variants are called"),
        (_said(lambda said: said["variants"][1].update(name=7)), "missing or damaged"),
        (_said(lambda said: said["variants"][1].update(differs={"a": 1})), "missing or damaged"),
        (_said(lambda said: said.update(fail_if=3)), "missing or damaged"),
        (_said(lambda said: said.update(fail_if=[{"text": "p99 >"}])), "json is damaged"),
        (_said(lambda said: said.update(fail_if=[{"text": "p99{x} > 1s"}])), "json is damaged"),
    ],
)
def test_a_damaged_comparison_is_said(
    spoil: Callable[[Path], object], told: str, kept: Path, tmp_path: Path
) -> None:
    """It may have been put there by anybody: a sentence with the place, and no traceback."""
    out = shutil.copytree(kept / "out", tmp_path / "out")
    spoil(out)
    done = simcb("report", str(out))
    assert done.exit_code == 2, done.output
    assert str(out) in done.stderr
    assert told in done.stderr
    assert not (out / "report.html").exists()
