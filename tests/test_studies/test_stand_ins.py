"""Runs that stand in for other settings', and cells that fill the time of idle workers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import pytest
from test_studies.sweep_cases import SMALL, scenario
from test_studies.test_sweep_crews import Mortal

from simcb.metrics import Verdict
from simcb.scenario import Scenario
from simcb.studies.evaluation.cells import Base, Cell, Done, Order, columns_of, packed, run_cells
from simcb.studies.evaluation.dispatch import Dispatcher, Spare
from simcb.studies.evaluation.settings import applied
from simcb.studies.evaluation.stand_ins import Behaviour, StandIns, in_turn
from simcb.studies.run import run_once
from simcb.studies.tune.contenders import DEFAULTS, with_default

QUIET = SMALL.replace("{kind: refuse,", "{kind: errors, rate: 30%,")
"""A fault under which failures in a row are rare, so that some rules are met and others not."""

RATE = {"kind": "failure_rate", "calls": 20}
RULES: tuple[dict[str, object], ...] = (
    {"kind": "consecutive_failures", "threshold": 3},
    {"kind": "consecutive_failures", "threshold": 20},
    {"kind": "consecutive_failures", "threshold": 30, "every": "1s"},
    {"kind": "failures_in_window", "threshold": 90},
    {**RATE, "rate": "40%"},
    {**RATE, "rate": "90%"},
    {**RATE, "rate": "90%", "strict": True},
    {**RATE, "rate": "95%", "slow": "400ms"},
)
LATER = ({"recovery": {"timeout": "1s"}}, {"recovery": {"timeout": "9s", "jitter": "20%"}})


def settings(base: Scenario) -> Iterator[Scenario]:
    """Yield a scenario with each rule, with one way to recover and another."""
    for rule in RULES:
        for later in LATER:
            words = {"trip": [rule], "half_open": {"probes": 1 + len(later)}, **later}
            yield applied(base, {"clients.shop.calls.store.breaker": words})


def row_of(variant: Scenario, base: Scenario) -> tuple[bytes, bool]:
    """Return the numbers of a run, and whether a breaker opened in it."""
    run = run_once(variant, 0, 0)
    return packed(run.measures, columns_of(base)), bool(len(run.trace.transitions))


@pytest.mark.parametrize("text", [SMALL, QUIET])
def test_who_stands_in_gives_the_same_bytes(text: str) -> None:
    """A run without an opening is every setting's that opens no sooner, and no other's."""
    base = scenario(text)
    variants = list(settings(base))
    rows = [row_of(each, base) for each in variants]
    behaviours = [Behaviour.of(each) for each in variants]
    quiet = {each for each, (_, opened) in enumerate(rows) if not opened}
    assert 0 < len(quiet) < len(variants)
    stood_in: set[int] = set()
    for one, other in permutations(range(len(variants)), 2):
        runs = StandIns([columns_of(base)])
        runs.add(0, behaviours[one], 0, Verdict.RECOVERED, rows[one][0])
        found = runs.find(behaviours[other], 0)
        assert runs.find(behaviours[other], 1) is None
        if found is not None:
            assert {one, other} <= quiet
            assert found[1] == rows[other][0]
            stood_in.add(other)
    # Of each rule that is never met the two that recover otherwise stand in for each other.
    assert stood_in == quiet


def test_who_behaves_alike_is_alike_whatever_the_words() -> None:
    """Five in a row and a minute are a library's default; a lease ends no probe that times out."""
    (mine,) = (each for each in DEFAULTS if each.name == "pybreaker 5/60s")
    base = scenario().with_({"failure_threshold": 5, "recovery_timeout": "60s"})
    library = applied(base, with_default(base, mine))
    assert Behaviour.of(base) == Behaviour.of(library)
    assert row_of(base, base) == row_of(library, base)
    patient = {"store.timeout": "70s"}
    assert Behaviour.of(base.with_(patient)) != Behaviour.of(library.with_(patient))
    assert Behaviour.of(base) != Behaviour.of(base.without_breakers())


def test_an_opening_of_no_length_is_one() -> None:
    """It takes no share of the time, and what comes after it may differ."""
    base = scenario(QUIET)
    words = {"trip": [RULES[1]], "recovery": {"timeout": "0s"}}
    behaviour = Behaviour.of(applied(base, {"clients.shop.calls.store.breaker": words}))
    row, opened = row_of(applied(base, {"failure_threshold": 30}), base)
    assert not opened
    runs = StandIns([columns_of(base)])
    runs.add(0, behaviour, 0, Verdict.RECOVERED, row)
    later = Behaviour.of(applied(base, {"failure_threshold": 40}))
    assert runs.find(later, 0) is None


def test_those_come_first_that_may_stand_in() -> None:
    """Each rule once, the soonest first; then what differs in how it recovers."""
    base = scenario()
    each = [
        Behaviour.of(base.with_({"failure_threshold": n, "recovery_timeout": seconds}))
        for n, seconds in ((9, "1s"), (9, "2s"), (3, "1s"), (3, "2s"))
    ]
    assert in_turn([(one, 0) for one in each]) == [2, 0, 3, 1]


def spares(base: Base, taken: list[Done], count: int) -> Iterator[Spare]:
    """Yield cells of another seed."""
    for replicate in range(100, 100 + count):
        yield Spare(base, Order(Cell(0, replicate), {}), taken.extend)


@pytest.mark.parametrize("deadly", [{}, {Cell(0, 100): 1}, {Cell(0, 100): 1, Cell(0, 3): 2}])
def test_spares_fill_the_time_and_their_deaths_are_nobody_elses(deadly: dict[Cell, int]) -> None:
    """Who waits for the last cells of a run makes them; they keep no run from its end."""
    base = Base.of([(scenario(), columns_of(scenario()))], 0)
    taken: list[Done] = []
    besides: list[Done] = []
    dispatcher = Dispatcher(Mortal(deadly), base, taken.extend, lambda: False)  # type: ignore[arg-type]
    dispatcher.spare = spares(base, besides, 3)
    assert dispatcher.run([Order(Cell(0, replicate), {}) for replicate in range(6)], 6)
    assert sorted(each.cell for each in taken) == [Cell(0, replicate) for replicate in range(6)]
    assert dispatcher.lost == []
    dispatcher.settle()
    made = {each.cell.replicate: each.row for each in besides}
    assert made.keys() <= {100, 101, 102} - ({100} if deadly else set())
    assert made or deadly
    for replicate, row in made.items():
        (again,) = run_cells(base, (Order(Cell(0, replicate), {}),))
        assert again.row == row
