"""Numbers by client group, and what a name means where there are several kinds of names."""

from __future__ import annotations

import pytest
from test_metrics.building import TraceBuilder

from simcb import studies
from simcb.metrics import (
    METRICS,
    Entities,
    Measures,
    Per,
    ThresholdError,
    check_thresholds,
    judge,
    measure,
    series,
    summarise,
)
from simcb.scenario import ScenarioError, parse_scenario
from simcb.scenario.thresholds import parse_threshold
from simcb.studies.evaluation.cells import columns_of
from simcb.trace import Trace

CALLS = (("users", "db", None), ("robots", "db", None), ("robots", "robots", None))


def two_groups() -> Trace:
    """Return a run of users who are all served and of robots half of whom fail, some rejected.

    The second service is named like the second group.
    """
    build = TraceBuilder(
        services=(("db", 1, 9), ("robots", 1, 9)),
        calls=CALLS,
        groups=("users", "robots"),
        breakers=((1, -1),),
        faults=[("x", 40.0, 60.0)],
    )
    for second in range(100):
        row = build.request(float(second), 0.2, group=0)
        build.attempt(float(second), second + 0.2, request=row, call=0)
        for half in range(2):
            at = second + half / 2
            row = build.request(at, 0.0 if half else 0.4, "failed" if half else "ok", group=1)
            if half:
                build.attempt(at, request=row, call=1, breaker=0, outcome="rejected")
            else:
                build.attempt(at, at + 0.2, request=row, call=1)
                build.attempt(at + 0.2, at + 0.4, request=row, call=2)
    return build.trace()


def test_each_group_has_its_own_numbers() -> None:
    """They are over its requests, and over the attempts made for them."""
    numbers = measure(two_groups())
    assert numbers.value("success", of="users") == 1.0
    assert numbers.value("success", of="robots") == 0.5
    assert numbers.value("success") == pytest.approx(2 / 3)
    assert numbers.value("offered_rate", "fault", "robots") == 2.0
    assert numbers.value("success_p99", of="users") == pytest.approx(0.2)
    assert numbers.value("success_p99", of="robots") == pytest.approx(0.4)
    assert numbers.value("rejected", of="users") == 0.0
    assert numbers.value("attempt_rate", of="users") == 1.0
    assert numbers.value("amplification", of="users") == 1.0


@pytest.mark.parametrize("name", [name for name, each in METRICS.items() if Per.GROUP in each.per])
def test_a_group_alone_has_the_numbers_of_the_run(name: str) -> None:
    """Whatever is measured for groups is the run's where all requests are of one group."""
    build = TraceBuilder(groups=("users", "robots"), faults=[("x", 40.0, 60.0)])
    for second in range(100):
        build.served(float(second), 0.1 + second / 1000)
    numbers = measure(build.trace())
    for phase in numbers.phases:
        assert numbers.value(name, phase, "users") == numbers.value(name, phase)


def test_who_is_answered_is_known_of_each_group() -> None:
    """In time by its own limit; of the run it is what all groups have, by their sizes."""
    numbers = measure(two_groups())
    parts = {each: numbers.value("answered", of=each) for each in ("users", "robots")}
    assert parts == {"users": 1.0, "robots": 0.5}
    assert numbers.value("answered") == pytest.approx(2 / 3)
    (own,) = judge([parse_threshold("answered{robots} >= 50%")], numbers)
    assert (own.value, own.of, own.passed) == (0.5, "robots", True)


def test_a_name_of_a_service_and_a_group_is_the_services_where_services_are_measured() -> None:
    """So every metric has one number for a name; a threshold on it says whose that is."""
    numbers = measure(two_groups())
    keys = [(each.name, each.phase, each.of) for each in numbers]
    assert len(keys) == len(set(keys))
    assert numbers.value("attempt_rate", of="robots") == 1.0
    (shared,) = judge([parse_threshold("attempt_rate{robots} > 9/s")], numbers)
    assert shared.note == "of the service robots, not of the client group"
    (own,) = judge([parse_threshold("success{robots} >= 50%")], numbers)
    assert (own.value, own.of, own.passed) == (0.5, "robots", True)


def test_the_only_group_is_the_run() -> None:
    """It may be named, and is not measured twice."""
    build = TraceBuilder()
    build.served(1.0, 0.5)
    numbers = measure(build.trace())
    assert {each.of for each in numbers} == {"", "db"}
    assert numbers.value("success", of="shop") == 1.0
    assert summarise([numbers, numbers]).value("p99", of="shop") == numbers.value("p99")
    (found,) = judge([parse_threshold("success{shop} >= 99%")], numbers)
    assert (found.value, found.of, found.passed) == (1.0, "", True)


def test_the_series_of_groups_add_up_to_that_of_the_run() -> None:
    """Request by request; a single group has no columns of its own."""
    shown = series(two_groups(), step=5.0)
    assert [each.name for each in shown.groups] == ["users", "robots"]
    for name in ("offered", "ok", "degraded", "failed", "unfinished"):
        parts = sum(getattr(each, name) for each in shown.groups)
        assert parts == pytest.approx(getattr(shown, name))
    names = [name for name, _ in shown.columns()]
    assert len(names) == len(set(names))
    assert {"ok{users}", "success_p99{robots}", "sent{robots}"} <= set(names)
    alone = TraceBuilder()
    alone.served(1.0, 0.5)
    assert not any("{shop}" in name for name, _ in series(alone.trace()).columns())


TEXT = """
name: two
duration: 30s
clients:
  users: {arrivals: {kind: poisson, rate: 20/s}, calls: {web: {timeout: 2s}}}
  prefetch: {arrivals: {kind: poisson, rate: 20/s}, calls: {prefetch: {timeout: 2s}}}
services:
  web: {workers: 9, work: {kind: exponential, mean: 50ms}}
  prefetch: {workers: 2, queue: {limit: 4}, work: {kind: exponential, mean: 50ms}}
faults:
  - {kind: surge, on: prefetch, times: 12, at: 10s, for: 10s}
thresholds:
  - success{fault,users} >= 99.9%
  - success{fault,prefetch} >= 99.9%
"""


def test_thresholds_tell_the_groups_fates_apart() -> None:
    """The users never notice that prefetching drowns."""
    result = studies.run(parse_scenario(TEXT))
    assert [each.passed for each in result.thresholds] == [True, False]
    prefetch = result.thresholds[1].value
    assert prefetch is not None
    assert prefetch < 0.2


def test_a_sweep_has_a_column_for_every_number_of_a_run() -> None:
    """The names that a scenario makes are those that its runs have."""
    scenario = parse_scenario(TEXT)
    measures: Measures = studies.run(scenario).measures
    columns = {(each.metric, each.phase, each.of) for each in columns_of(scenario)}
    assert {(each.name, each.phase, each.of) for each in measures} <= columns


@pytest.mark.parametrize("name", ["whole", "healthy", "fault", "between", "recovery"])
@pytest.mark.parametrize("kind", ["users", "web"])
def test_no_group_and_no_service_is_called_like_a_phase(kind: str, name: str) -> None:
    """`success{fault}` would mean two things; the error stands at the name."""
    with pytest.raises(ScenarioError, match=f"`{name}` is the name of a phase"):
        parse_scenario(TEXT.replace(kind, name))


def test_an_unknown_name_is_answered_with_the_nearest_of_all_kinds() -> None:
    """A typo in a group's name costs one look."""
    with pytest.raises(ThresholdError, match="did you mean `users`"):
        check_thresholds([parse_threshold("success{user} > 1%")], parse_scenario(TEXT))


def test_what_a_name_means_follows_from_the_kinds_of_a_metric() -> None:
    """Services before groups, the only group as the run, and nothing else."""
    several = Entities(("api", "db"), ("api", "web"))
    assert [each.name for each in several.having(Per.SERVICE | Per.GROUP)] == ["api", "db", "web"]
    assert several.meant(Per.RUN | Per.GROUP, "api") == "api"
    assert several.meant(Per.RUN | Per.GROUP, "db") is None
    single = Entities(("api",), ("web",))
    assert single.meant(Per.RUN | Per.GROUP, "web") == ""
    assert single.meant(Per.RUN, "web") is None
