"""The formulas that evidence rests on give the numbers that are in print."""

from __future__ import annotations

import math

import pytest

from simcb.predictions.formulas import (
    bucket_retries,
    cache_hits,
    calls_to_trip,
    calls_to_trip_by_rate,
    calls_to_trip_tumbling,
    closed_network,
    engset,
    erlang_b,
    erlang_c,
    full_queue,
    late_mm1,
    load_of_retries,
    probe_cycle,
    sent_by_throttle,
    shed_after_wait,
    sojourn_gm1,
    sojourn_quantile_mm1,
    success_of_retries,
    time_to_rate,
    time_to_two,
    wait_mg1,
    zipf,
)


@pytest.mark.parametrize(
    ("formula", "known"),
    [
        (erlang_b(5, 4.0), 0.1991),
        (erlang_c(4, 3.2), 0.5964),
        (0.1 + erlang_c(4, 3.2) / (40 - 32), 0.17455),
        (full_queue(2, 2.5, 10)[0], 0.2214),
        (wait_mg1(5, 0.1, 2.0), 0.25),
        (wait_mg1(8, 0.1, 0.0), 0.2),
        (sojourn_quantile_mm1(8, 10, 0.5), 0.3466),
        (sojourn_quantile_mm1(8, 10, 0.95), 1.4979),
        (sojourn_quantile_mm1(8, 10, 0.99), 2.3026),
        (sojourn_gm1(lambda s: 8.0 / (8.0 + s), 10.0), 0.5),
        (closed_network(20, 1.0, (0.1,))[0], 9.9813),
        (closed_network(20, 1.0, (0.1,))[1], 1.0037),
        (calls_to_trip(0.5, 5), 62.0),
        (calls_to_trip(0.3, 3), 51.48),
        (calls_to_trip_by_rate(10, 10, 0.5, 0.2), 117.77),
        (calls_to_trip_tumbling(10, 5, 0.2), 305),
        (1 / probe_cycle(10, 5.0, 0.2), 0.18868),
        (success_of_retries(0.5, 3), 0.9375),
        (load_of_retries(0.5, 3), 1.875),
        (success_of_retries(0.1, 3), 0.9999),
        (load_of_retries(0.1, 3), 1.111),
        (time_to_rate(0.6, 0.5, 10.0, 1.0), 8.8333),
    ],
)
def test_formulas_give_the_printed_numbers(formula: float, known: float) -> None:
    """The formulas themselves give the values found in textbooks."""
    assert formula == pytest.approx(known, rel=5e-4)


def test_window_of_ones_is_consecutive_failures() -> None:
    """A window that trips on nothing but failures is k consecutive ones: two ways, one number."""
    assert calls_to_trip_by_rate(3, 3, 1.0, 0.3) == pytest.approx(calls_to_trip(0.3, 3))
    assert calls_to_trip_by_rate(5, 5, 1.0, 0.5) == pytest.approx(62.0)


def test_impatience_has_its_limits() -> None:
    """Without patience M/M/c+D is Erlang's loss system; with endless patience nobody is late."""
    assert shed_after_wait(5, 40, 10, 0.0) == pytest.approx(erlang_b(5, 4.0))
    assert shed_after_wait(5, 40, 10, 50.0) == pytest.approx(0.0, abs=1e-12)
    # At the limit of stability the general formula is 0/0.
    assert shed_after_wait(1, 10, 10, 0.5) == pytest.approx(shed_after_wait(1, 10 + 1e-7, 10, 0.5))
    for stopped in (True, False):
        late, busy = late_mm1(5, 10, 50.0, stopped=stopped)
        assert late == pytest.approx(0.0, abs=1e-12)
        assert busy == pytest.approx(0.5)
        assert late_mm1(10, 10, 0.5, stopped=stopped) == pytest.approx(
            late_mm1(10 + 1e-7, 10, 0.5, stopped=stopped)
        )


def test_very_many_users_are_a_poisson_stream() -> None:
    """Engset's refusals become Erlang's; a throttle that has seen nothing sends everything."""
    assert engset(100_000, 5, 100_000.0, 4.0) == pytest.approx(erlang_b(5, 4.0), rel=1e-3)
    assert engset(5, 5, 1.0, 5.0) == 0.0
    assert sent_by_throttle(1.0, 1e-9) == pytest.approx(1.0)


def test_closed_loop_is_between_its_bounds() -> None:
    """One user never waits; very many keep the slowest station busy."""
    assert closed_network(1, 1.0, (0.1, 0.08)) == pytest.approx((1 / 1.18, 0.18))
    assert closed_network(500, 1.0, (0.1, 0.08))[0] == pytest.approx(10.0)


def test_buckets_end_where_theory_does() -> None:
    """An empty budget is no retry, a bottomless one all of them; in the long run it is its rate."""
    assert bucket_retries(0.5, 3, 0, 10, 0, 20.0) == pytest.approx((0.5, 1.0))
    assert bucket_retries(0.5, 3, 0, 0, 0, 20.0) == pytest.approx((0.9375, 1.875))
    success, tries = bucket_retries(0.5, 3, 1, 10, 50, 5_000.0)
    # What the bucket held at first is spread over all requests, but for less than a token.
    assert 1.1 + 4 / 5_000 < tries < 1.1 + 5 / 5_000
    assert success == pytest.approx(tries * 0.5)


def test_bucket_of_few_clients_gives_the_published_numbers() -> None:
    """Brooker's simulated figures lie near the exact chain."""
    published = {10: (0.554, 1.115), 100: (0.621, 1.238), 1000: (0.891, 1.777)}
    for clients, numbers in published.items():
        exact = bucket_retries(0.5, 3, 1, 10, 50, 3000.0 / clients)
        assert exact == pytest.approx(numbers, rel=0.01)


def test_cache_law_has_its_limits() -> None:
    """Answers kept for ever are always found, and those thrown away at once never."""
    popularity = zipf(100, 1.0)
    assert math.fsum(popularity) == pytest.approx(1.0)
    assert cache_hits(50, popularity, 0.6, 1e9) == pytest.approx(1.0)
    assert cache_hits(50, popularity, 0.6, 0.0) == 0.0


def test_two_failures_in_an_endless_window_are_the_second_one() -> None:
    """If the window never ends, two failures are in it when the second one happens."""
    assert time_to_two(2.0, 1e9) == pytest.approx(1.0)
