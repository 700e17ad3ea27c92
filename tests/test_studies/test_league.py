"""A league: every breaker in the same scenario, told apart by what the same streams bring."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from test_adapters.story import STORY
from test_cli.commands import simcb

from simcb.errors import MissingExtraError
from simcb.options import CompareOptions, JobOptions
from simcb.scenario import parse_scenario
from simcb.studies import StudyError
from simcb.studies.league import League, entrants, league
from simcb.views.data import as_csv, as_json
from simcb.views.document import Page
from simcb.views.formats import Format, render
from simcb.views.league import Answer, league_document
from simcb.views.league_files import write_league
from simcb.views.league_view import LeagueView
from simcb.views.league_view import league as simcb_league
from simcb.views.saved import open_study

HERE = JobOptions(workers=0)
HERD = STORY.replace("rate: 1/s", "rate: 20/s").replace("duration: 25s", "duration: 30s")
SLOW_START = HERD.replace("name: story", "name: later").replace("at: 9500ms", "at: 12s")


@pytest.fixture(scope="module")
def found() -> League:
    """Return a small league in two scenarios."""
    return league(
        [parse_scenario(HERD), parse_scenario(SLOW_START)],
        CompareOptions(replicates=2),
        HERE,
        only=["textbook", "unawaited", "nopanic"],
    )


@pytest.fixture(scope="module")
def saved(found: League, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory that the league was written into; not to be changed."""
    out = tmp_path_factory.mktemp("league") / "kept"
    return write_league(Answer(found, "simcb league it"), out)


def test_each_breaker_runs_at_comparable_settings_and_at_its_own(found: League) -> None:
    """The scenario's threshold and timeout in the breaker's own words, and nothing."""
    variants = {each.name: each for each in found.comparisons[0].variants}
    assert list(variants)[:3] == ["simcb", "simcb, its defaults", "no breaker"]
    alike = variants["textbook"].scenario.clients["shop"].calls["payments"].breaker
    usual = variants["textbook, its defaults"].scenario.clients["shop"].calls["payments"].breaker
    assert alike is not None
    assert usual is not None
    assert alike.settings == {"failure_threshold": 3, "recovery_timeout": 60.0}
    assert usual.settings is None
    assert found.threshold == (3, 3)
    assert variants["nopanic"].differs


def test_the_same_requests_meet_all_of_them(found: League) -> None:
    """Streams are shared, so differences are of pairs; a breaker that never opens is as none."""
    comparison = found.comparisons[0]
    assert comparison.paired
    names = comparison.names
    bare, deaf = names.index("no breaker"), names.index("unawaited")
    answered = [each.summary.value("answered") for each in comparison.results]
    assert answered[bare] == answered[deaf]


def test_the_best_come_first(found: League) -> None:
    """The order is by what is answered at comparable settings."""
    shares = [
        found.comparisons[0].results[each.alike or 0].summary.value("answered") or 0.0
        for each in found.ranked()
    ]
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize("form", list(Format))
def test_every_output_names_every_breaker(found: League, form: Format) -> None:
    """A new study has all outputs."""
    text = render(league_document(Answer(found, "simcb league x")), form, Page())
    assert all(name in text for name in ("simcb", "no breaker", "textbook", "unawaited", "later"))


def test_the_chart_has_a_row_for_each(found: League) -> None:
    """Names stand beside the rows, scenarios above the panels."""
    figure = league_document(Answer(found)).figures[0].draw()
    assert [len(ax.get_yticks()) for ax in figure.axes] == [5, 5]
    assert [ax.get_title(loc="right") for ax in figure.axes] == ["story", "later"]


def test_what_others_have_not_is_said_of_each_and_nothing_else_is_lost() -> None:
    """Words about all replicas are ours alone; what is heard and where it stands is everybody's."""
    words = "failure_threshold: 3, per_replica: true, max_open: 50%, panic: 30%, ignores: [refused]"
    text = STORY.replace("failure_threshold: 3", f"{words}, counts: [error, timeout]")
    scenario = parse_scenario(text)
    found = league([scenario], CompareOptions(1), HERE, only=["textbook", "nopanic"])
    variants = {each.name: each for each in found.comparisons[0].variants}
    said = "runs without `max_open`, `panic`, which only simcb's breaker has"
    for name in ("textbook", "textbook, its defaults", "nopanic, its defaults"):
        assert variants[name].differs == said
    assert variants["nopanic"].differs.endswith(f"; {said}")
    assert variants["simcb"].differs == variants["simcb, its defaults"].differs == ""
    kept = variants["simcb, its defaults"].scenario.clients["shop"].calls["payments"].breaker
    other = variants["textbook"].scenario.clients["shop"].calls["payments"].breaker
    assert kept is not None
    assert other is not None
    assert (kept.max_open, kept.panic, other.max_open) == (0.5, 0.3, None)
    assert kept.counts == other.counts != type(kept)().counts
    assert kept.ignores == other.ignores != type(kept)().ignores
    shown = render(league_document(Answer(found)), Format.TABLE, Page()).plain
    assert f"* textbook: {said}" in shown
    assert "textbook*" in shown


def test_a_league_needs_a_breaker_to_replace_and_names_that_are_registered() -> None:
    """What makes no sense is told with what to do."""
    bare = parse_scenario(STORY.replace("        breaker: {failure_threshold: 3}\n", ""))
    with pytest.raises(StudyError, match="has no breaker"):
        league([bare], job=HERE)
    with pytest.raises(StudyError, match="did you mean `textbook`"):
        league([parse_scenario(STORY)], job=HERE, only=["textbok"])


def test_what_is_not_installed_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A league goes without it, unless it was asked for by name."""
    monkeypatch.setitem(sys.modules, "nopanic", None)
    adapters, left_out = entrants()
    assert "nopanic" in left_out
    assert "nopanic" not in [each.name for each in adapters]
    with pytest.raises(MissingExtraError):
        entrants(["nopanic"])


def test_a_view_shows_draws_and_tells_it(found: League, tmp_path: Path) -> None:
    """A card, a chart, a frame and a page of its own."""
    view = LeagueView(found)
    assert view.names[0] in view.headline
    assert "textbook" in view._repr_html_()
    assert view.panel(1).get_title(loc="right") == "later"
    assert set(view.df["scenario"]) == {"story", "later"}
    assert "unawaited" in view.save_report(tmp_path / "league.html").read_text()
    one = simcb_league(parse_scenario(STORY), only=["textbook"], replicates=1, workers=0)
    assert repr(one).startswith("<league of 3 breakers: ")


def test_the_command_prints_and_writes_it(tmp_path: Path) -> None:
    """A table on the screen, a summary and a figure in the directory."""
    file = tmp_path / "story.yaml"
    file.write_text(STORY)
    out = tmp_path / "out"
    words = ("--only", "pybreaker", "-n", "1", "--workers", "0", "--out", str(out), "--quiet")
    done = simcb("league", str(file), *words)
    assert "pybreaker" in done.stdout
    assert "holds a lock" in done.stdout
    kept = json.loads((out / "summary.json").read_text())
    assert [each["name"] for each in kept["scenarios"]] == ["story"]
    assert (out / "league.png").stat().st_size > 10_000


def test_a_saved_league_is_what_it_was(found: League, saved: Path) -> None:
    """Its numbers, its sentences and its chart come from its directory, with nothing run."""
    answer = Answer(found, "simcb league it")
    again = open_study(saved)
    assert as_json(again.document()) == as_json(league_document(answer))
    assert "".join(as_csv(again.document())) == "".join(as_csv(league_document(answer)))
    assert list(again.document().verdicts) == list(league_document(answer).verdicts)
    assert repr(again.view()) == repr(LeagueView(found))
    assert again.picture == "league"
    assert len(again.draw().axes) == 2
    assert "holds a league" in simcb("compare", str(saved), "none").stderr


def test_a_saved_league_has_a_page(saved: Path, tmp_path: Path) -> None:
    done = simcb("report", str(shutil.copytree(saved, tmp_path / "kept")))
    assert "unawaited" in Path(done.stdout.strip()).read_text()


@pytest.mark.parametrize("damage", ["{}", "[", '{"scenarios": [{"variants": [{}]}]}', "moved"])
def test_a_damaged_league_is_refused(saved: Path, tmp_path: Path, damage: str) -> None:
    """With the place, and no traceback."""
    kept = shutil.copytree(saved, tmp_path / "kept")
    file = kept / "league.json"
    moved = file.read_text().replace('"alike": 0', '"alike": 99')
    file.write_text(moved if damage == "moved" else damage)
    with pytest.raises(StudyError, match=r"league\.json"):
        open_study(kept)
