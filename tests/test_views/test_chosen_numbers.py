"""What a notebook asks of a result: some numbers as a table, losses, and variants side by side."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from test_studies.sweep_cases import OVER, made, scenario, swept
from test_studies.tune_cases import briefly

import simcb
from simcb.studies import StudyError
from simcb.views.compare_view import CompareView
from simcb.views.sweep_view import SweepView
from simcb.views.table_view import TableView
from simcb.views.tune_view import TuneView

TWO = "failure_threshold=1,30"
HOSTILE = "\x1b[31m<script>=1+1"


@cache
def compared() -> CompareView:
    """Return a scenario beside one that waits longer, two runs each."""
    other = scenario().with_({"breaker.recovery_timeout": "8s"})
    return simcb.compare({"now": scenario(), HOSTILE: other}, replicates=2, workers=0)


def lines(view: TableView) -> list[list[str]]:
    """Return a table's lines as words, its header's too."""
    return [line.split() for line in repr(view).splitlines()]


def test_a_sweeps_loss_is_a_part_of_the_best_and_positive_where_it_is_worse() -> None:
    """Of a rate that is to be high, and of a time that is to be short."""
    loss = SweepView(made([[8.0, 6.0], [10.0, 10.0]], TWO, by="goodput")).loss()
    assert loss[30] == 0.0
    assert loss[1] == pytest.approx(0.3)
    loss = SweepView(made([[2.0, 2.0], [3.0, 4.0]], TWO, by="p99")).loss()
    assert list(loss) == pytest.approx([0.0, 0.75])
    assert loss.index.name == "failure_threshold"


def test_a_sweeps_loss_of_a_share_is_in_points() -> None:
    loss = SweepView(made([[0.6, 0.4], [0.9, 0.9]], TWO, by="success")).loss()
    assert list(loss) == pytest.approx([0.4, 0.0])


def test_a_loss_has_the_interval_of_pairs() -> None:
    """What both settings share is no part of it; the ends change places with the sign."""
    first, best = made([[1.0, 9.0], [2.0, 10.0]], TWO, by="goodput").losses()
    assert first is not None
    assert best is not None
    assert (first.low, first.mean, first.high) == pytest.approx((1 / 6, 1 / 6, 1 / 6))
    assert (best.mean, best.low) == (0.0, None)
    apart, _ = made([[1.0, 9.0], [2.0, 12.0]], TWO, by="goodput").losses()
    assert apart is not None
    assert apart.low is not None
    assert apart.high is not None
    assert apart.mean == pytest.approx(2 / 7)
    assert apart.low < 0.2 < 0.4 < apart.high


def test_where_nothing_is_ranked_nothing_is_lost() -> None:
    """All fail: there is no best to lose to. What has no value loses nobody knows what."""
    assert made([[1.0] * 2, [1.0] * 2], TWO, by="collapse").losses() == (None, None)
    loss = SweepView(made([[1.0] * 2, [1.0] * 2], TWO, by="collapse")).loss()
    assert loss.isna().all()
    best, unknown = made([[1.0] * 2, [float("nan")] * 2], TWO, by="p99").losses()
    assert best is not None
    assert best.mean == 0.0
    assert unknown is not None
    assert unknown.mean is None


def test_a_loss_may_be_of_another_number() -> None:
    """The sweep is ranked by one, the loss asked of another, each by its own best."""
    view = SweepView(swept())
    assert view.loss("success").min() == 0.0
    assert (view.loss("success") >= 0.0).all()
    assert set(view.loss("success").index.names) == set(OVER)
    with pytest.raises(StudyError, match="neither better nor worse"):
        view.loss("downstream_rate")
    with pytest.raises(StudyError, match="did you mean `success`"):
        view.loss("sucess")


def test_a_grid_of_two_is_a_table_of_two_ways() -> None:
    """The first axis goes down, the second across; the means are those of the sweep."""
    view = SweepView(swept())
    over, header, *rows, note = lines(view.table())
    assert "breaker.recovery_timeout" in over
    assert header == ["breaker.failure_threshold", *map(str, OVER["breaker.recovery_timeout"])]
    assert [row[0] for row in rows] == ["1", "3", "30"]
    mean = swept().estimates(swept().objective)[0].mean
    assert mean is not None
    assert rows[0][1] == f"{mean:.1f}/s"
    assert " ".join(note).startswith("goodput, means; their 95% intervals reach up to ")
    assert view.table("p99")._repr_html_().count("<tr>") == 5


def test_any_other_sweep_is_a_table_of_a_line_a_setting() -> None:
    view = SweepView(made([[8.0, 6.0], [10.0, 10.0]], TWO, by="goodput"))
    assert lines(view.table())[0] == ["failure_threshold", "goodput"]
    assert [row[0] for row in lines(view.table())[1:]] == ["1", "30"]
    assert "%" in repr(SweepView(swept()).table("utilisation{store}"))


def test_chosen_numbers_of_variants_are_a_line_each() -> None:
    """Hostile names reach no page; what is in time is said only where that was asked."""
    view = compared()
    table = view.table("success{fault}", "utilisation{fault,store}")
    header, first, second = lines(table)
    assert header == ["success{fault}", "utilisation{fault,store}"]
    assert first[0] == "now"
    value = view.results["now"].summary.value("success", "fault")
    assert value is not None
    assert first[1].startswith(f"{value:.0%}"[:1])
    assert "\x1b" not in repr(table)
    assert "<script" not in table._repr_html_()
    assert second
    assert "in time" in repr(view.table("answered")) or "within" in repr(view.table("answered"))
    with pytest.raises(StudyError, match="did you mean"):
        view.table("success{falt}")


def test_variants_beside_each_other_share_their_scales() -> None:
    """A row is a panel, on one span; rows of states, which may differ in number, keep theirs."""
    figure = compared().plot.beside("states", "latency", "load")
    parts = [part.axes for part in figure.subfigs]
    assert [len(axes) for axes in parts] == [3, 3]
    for panel in (1, 2):
        assert parts[0][panel].get_ylim() == parts[1][panel].get_ylim()
    assert parts[0][1].get_yscale() == "log"
    assert "\x1b" not in figure.subfigs[1].get_suptitle()
    for wrong in (("stats",), ()):
        with pytest.raises(StudyError, match="is no panel"):
            compared().plot.beside(*wrong)


def test_contenders_stand_by_name() -> None:
    """All of them, or those asked for in that order; a wrong name is told with the nearest."""
    view = TuneView(briefly())
    assert [row[0] for row in lines(view.standing())][1:3] == ["best", "yours"]
    assert len(lines(view.standing())) == 1 + len(briefly().standing())
    header, *rows = lines(view.by_scenario("no breaker", "best"))
    assert header == ["regret", "no", "breaker", "best"]
    assert [row[0] for row in rows] == ["small", "slow"]
    winner, none = briefly().standing("", "no breaker")
    assert winner is briefly().standing()[0]
    assert none.name == "no breaker"
    worst = winner.worst[0].mean
    assert worst == pytest.approx(max(each.regret[0].mean or 0.0 for each in winner.scenarios))
    with pytest.raises(StudyError, match="did you mean `yours`"):
        view.standing("your")


def test_what_was_not_checked_has_no_standing() -> None:
    unchecked = replace(briefly(), check=None)
    with pytest.raises(StudyError, match="nothing was checked"):
        TuneView(unchecked).by_scenario()
