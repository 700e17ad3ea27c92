"""What a sweep shows beside its settings: the file's own, and no breaker, on the same streams."""

from __future__ import annotations

import csv
import io
import json
from functools import cache
from pathlib import Path

import pytest
from test_studies.sweep_cases import OVER, SMALL, after, scenario, sweep

from simcb.studies import run
from simcb.studies.sweep import SweepResult, open_sweep
from simcb.views.document import Page
from simcb.views.formats import Format, render
from simcb.views.html import card
from simcb.views.sweep import sweep_document
from simcb.views.sweep_findings import findings

BASE = scenario(SMALL.replace("60%", "20%"))
LONG = {"breaker.recovery_timeout": ["5s", "8s"]}


@cache
def held() -> SweepResult:
    """Return a sweep of openings that are too long."""
    return sweep(BASE, LONG, alone=False, replicates=4, workers=0)


def test_contenders_are_what_a_run_of_them_gives() -> None:
    """The file as it is, and without breakers, with the seed of the settings."""
    yours, none = held().standings
    ran = run(BASE, seed=0, replicates=4, baseline="none")
    assert (yours.name, none.name) == ("yours", "no breaker")
    assert ran.baseline is not None
    for each, same in ((yours, ran), (none, ran.baseline)):
        found = same.summary.estimate("goodput")
        assert found is not None
        assert each.estimate.mean == pytest.approx(found.mean)
        assert each.outcome.runs == 4
    assert yours.values == ("2s",)
    assert none.values == (None,)


def test_contenders_are_no_settings() -> None:
    """They have no rank, are never the best, and change no setting's place."""
    alone = sweep(BASE, LONG, replicates=4, workers=0)
    assert len(held()) == len(alone) == 2
    assert held().ranking == alone.ranking
    assert alone.standings == ()
    assert held().tally.ran == alone.tally.ran + 8


def test_the_sentence_says_what_the_best_is_not_better_than() -> None:
    """Where a shorter opening than all that were tried is better, the first lines say so."""
    text = render(sweep_document(held()), Format.TABLE, Page(120)).plain
    assert "yours and no breaker are better" in text.splitlines()[1]
    healthy = {"over": {"breaker.failure_threshold": [3, 9]}, "by": "max:success{healthy}"}
    same = sweep(scenario(), alone=False, replicates=4, workers=0, **healthy)  # type: ignore[arg-type]
    assert {"yours is the same", "no breaker is as good"} <= {*findings(same)}
    failing = findings(sweep(scenario(), LONG, alone=False, replicates=4, workers=0))
    assert failing[0] == "no best: every setting meets none of the thresholds"
    assert failing[-1].startswith("no breaker does not: goodput 12.")
    few = sweep(BASE, LONG, alone=False, replicates=1, workers=0)
    assert not any("better" in line or "as good" in line for line in findings(few))


def test_what_is_better_is_not_marked_as_good() -> None:
    """It has a mark of its own, and no output calls it tied with the best."""
    text = render(sweep_document(held()), Format.TABLE, Page(120)).plain
    marks = [
        line.split("  ")[0] for line in text.splitlines() if line.startswith(("yours", "no b"))
    ]
    assert marks == ["yours+", "no breaker+"]
    assert "\n+ is better than the best of the settings\n" in text
    assert "= cannot be told" not in text
    assert [each.tied for each in held().standings] == [False, False]
    *_, yours, none = csv.DictReader(
        io.StringIO(render(sweep_document(held()), Format.CSV, Page()).plain)
    )
    assert [each["tied"] for each in (yours, none)] == ["no", "no"]


def test_every_output_has_them_below_the_ranking() -> None:
    """Screen, markdown, CSV, JSON and the card of a notebook."""
    document = sweep_document(held())
    for form in (Format.TABLE, Format.MD):
        text = render(document, form, Page(120)).plain
        assert text.index("\nyours" if form is Format.TABLE else "yours") < text.rindex(
            "no breaker"
        )
    *_, yours, none = csv.DictReader(io.StringIO(render(document, Format.CSV, Page()).plain))
    assert [(each["rank"], each["setting"]) for each in (yours, none)] == [
        ("", "yours"),
        ("", "no breaker"),
    ]
    assert yours["breaker.recovery_timeout"] == "2s"
    said = json.loads(render(document, Format.JSON, Page()).plain)
    assert [each["name"] for each in said["beside"]] == ["yours", "no breaker"]
    assert [each["better"] for each in said["beside"]] == [True, True]
    assert len(said["settings"]) == 2
    assert ">no breaker" in card(document)


def test_a_contender_that_is_a_setting_is_not_run_twice() -> None:
    """Its row is that setting's."""
    found = sweep(scenario(), OVER, alone=False, replicates=2, workers=0)
    yours, none = found.standings
    assert found.values_of(yours.same_as or 0) == {
        "breaker.failure_threshold": 3,
        "breaker.recovery_timeout": "2s",
    }
    assert none.same_as is None
    assert found.tally.ran == (len(found) + 1) * 2


def test_each_world_has_its_own() -> None:
    """Your setting meets the world's values; a world alone is held against nothing."""
    over = {"arrivals.rate": ["10/s", "20/s"], "breaker.failure_threshold": [1, 9]}
    found = sweep(scenario(), over, alone=False, replicates=2, workers=0)
    assert [(each.name, each.world, each.values) for each in found.standings] == [
        ("yours", ("10/s",), ("10/s", 3)),
        ("no breaker", ("10/s",), ("10/s", None)),
        ("yours", ("20/s",), ("20/s", 3)),
        ("no breaker", ("20/s",), ("20/s", None)),
    ]
    only = sweep(scenario(), {"arrivals.rate": ["10/s", "20/s"]}, alone=False, workers=0)
    assert only.standings == ()


def test_a_directory_has_them_and_goes_on_with_them(tmp_path: Path) -> None:
    """However often it was interrupted; without them it is another sweep."""
    words = {"alone": False, "replicates": 4, "workers": 0, "out": tmp_path / "s"}
    for calls in (1, 2):
        cut = sweep(BASE, LONG, stop=after(calls), resume=calls > 1, **words)  # type: ignore[arg-type]
        assert not cut.complete
    whole = sweep(BASE, LONG, resume=True, **words)  # type: ignore[arg-type]
    opened = open_sweep(tmp_path / "s")
    for found in (whole, opened):
        assert found.complete
        assert [each.estimate for each in found.standings] == [
            each.estimate for each in held().standings
        ]
    assert opened.tally.ran == 0
    with pytest.raises(Exception, match="beside the settings was yours and no breaker, is nothing"):
        sweep(BASE, LONG, resume=True, **(words | {"alone": True}))  # type: ignore[arg-type]
