"""Asking twice, and asking once for many: a hedge without a wait, and leases before a database."""

from __future__ import annotations

import pytest
from test_catalogue.telling import told

NO_LEASES = "cache.coalesce=false"
FEW_WORKERS = "database.workers=10"
ONCE = "database.hedge=null"
QUIET = "arrivals.rate=100/s"


def test_leases_make_a_thirteenth_of_the_queries() -> None:
    """17,000 a second at the peak without leases, 1,300 with them (2013); a hundredth of that."""
    leased, stormed = told("memcache-leases"), told("memcache-leases", NO_LEASES)
    assert leased.value("downstream_rate", of="database") == pytest.approx(13, rel=0.05)
    assert stormed.value("downstream_rate", of="database") == pytest.approx(170, rel=0.05)
    assert leased.value("success") == stormed.value("success") == 1.0


def test_a_database_that_leases_suffice_for_is_lost_without() -> None:
    """Ten workers can answer twenty a second."""
    assert told("memcache-leases", FEW_WORKERS).value("success") == 1.0
    assert told("memcache-leases", NO_LEASES, FEW_WORKERS).value("success") < 0.05


@pytest.mark.parametrize(
    ("sets", "load", "copies"),
    [((), 0.4, 2), ((ONCE,), 0.4, 1), ((QUIET,), 0.2, 2), ((QUIET, ONCE), 0.2, 1)],
)
def test_the_mean_is_that_of_the_faster_of_two_queues(
    sets: tuple[str, ...], load: float, copies: int
) -> None:
    """S / n / (1 - n load): of exponential times with n copies the first is n times as fast."""
    run = told("redundant-requests", *sets)
    expected = 0.1 / copies / (1 - copies * load)
    # One run of 50 s; the longer one waits, the more the mean varies.
    assert run.value("mean") == pytest.approx(expected, rel=0.08)


def test_it_helps_at_a_fifth_of_the_load_and_hurts_at_two_fifths() -> None:
    """The border is a third; a hedge that waits and losers that are stopped hurt nobody."""
    hurts, once = told("redundant-requests"), told("redundant-requests", ONCE)
    assert hurts.value("mean") > 1.3 * once.value("mean")
    assert told("redundant-requests", QUIET).value("mean") < 0.75 * (
        told("redundant-requests", QUIET, ONCE).value("mean")
    )
    assert told("redundant-requests", "hedge.after=300ms").value("mean") < 1.1 * once.value("mean")
    assert told("redundant-requests", "database.on_abandon=stop").value("mean") < 0.08
