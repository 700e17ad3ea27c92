"""Changes from outside: shortened paths, overlays, and that they mean what a file would."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from test_scenario.generated import scenarios
from test_scenario.written import SMALL, problem_of, problems_of, swapped

from simcb.scenario import (
    Scenario,
    ScenarioError,
    parse_scenario,
    parse_value,
    read_scenario,
)
from simcb.scenario.distributions import Exponential, Lognormal
from simcb.scenario.retries import Fixed
from simcb.scenario.tripping import ConsecutiveFailures, FailureRate, FailuresInWindow

TWO = swapped("services:\n", "services:\n  other: {workers: 1, work: 1s}\n")


@pytest.mark.parametrize(
    "path",
    [
        "breaker.recovery_timeout",
        "recovery_timeout",
        "payments.breaker.recovery_timeout",
        "clients.shop.calls.payments.breaker.recovery_timeout",
    ],
)
def test_any_ending_that_names_one_place_will_do(path: str) -> None:
    """The whole path and each unique ending of it change the same place."""
    expected = parse_scenario(swapped("recovery_timeout: 30s", "recovery_timeout: 10s"))
    assert parse_scenario(SMALL, sets=[f"{path}=10s"]) == expected
    assert parse_scenario(SMALL).with_({path: "10s"}) == expected


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        ("errors=5%", "work: 50ms", "work: 50ms\n    errors: 5%"),
        ("queue.limit=9", "work: 50ms", "work: 50ms\n    queue: {limit: 9}"),
        ("faults.0.share=20%", "for: 2m", "for: 2m, share: 20%"),
        ("hang:payments.share=20%", "for: 2m", "for: 2m, share: 20%"),
        ("refresh.after=1s", "", ""),
        ("work.value=60ms", "work: 50ms", "work: 60ms"),
        ("work={kind: exponential, mean: 1s}", "50ms", "{kind: exponential, mean: 1s}"),
        ("retry=null", "        retry: {max_retries: 2}\n", ""),
        ("backoff.kind=none", "{max_retries: 2}", "{max_retries: 2, backoff: {kind: none}}"),
        ("name=other", "name: small", "name: other"),
        ("arrivals.rate=[{at: 0s, rate: 1/s}]", "rate: 40/s", "rate: 1/s"),
        ("per_replica=true", "recovery_timeout: 30s", "recovery_timeout: 30s, per_replica: true"),
        ("half_open.probes=2", "timeout: 30s", "timeout: 30s, half_open: {probes: 2}"),
        (
            "breaker.half_open={probes: 10, verdict: 50%}",
            "timeout: 30s",
            "timeout: 30s, half_open: {probes: 10, verdict: 50%}",
        ),
        (
            "bulkhead.max_concurrent=3",
            "timeout: 2s",
            "timeout: 2s\n        bulkhead: {max_concurrent: 3}",
        ),
        ("discipline=lifo", "work: 50ms", "work: 50ms\n    queue: {discipline: lifo}"),
        ("instances=3", "40/s}\n", "40/s}\n    instances: 3\n"),
        ("network=1ms", "timeout: 2s", "timeout: 2s\n        network: 1ms"),
        ("network.kind=constant", "", ""),
        ("hang:payments.on=shop->payments", "on: payments", "on: shop->payments"),
        ("around=request", "recovery_timeout: 30s", "recovery_timeout: 30s, around: request"),
    ],
)
def test_a_change_means_what_the_file_would_mean(change: str, old: str, new: str) -> None:
    """Setting a written, defaulted or absent place equals writing it in the file."""
    if not old:
        assert ": is missing" in str(problem_of(SMALL, sets=[change]))
        return
    assert parse_scenario(SMALL, sets=[change]) == parse_scenario(swapped(old, new))


@pytest.mark.parametrize("path", ["faults.1.share", "faults.crash.share", "crash.share"])
def test_a_fault_is_found_by_its_number_and_by_its_name(path: str) -> None:
    """A named fault can be changed by name, whatever its place in the list."""
    text = SMALL + "  - {kind: refuse, on: payments, at: 4m, for: 1s, name: crash}\n"
    shares = [fault.share for fault in parse_scenario(text, sets=[f"{path}=20%"]).faults]
    assert shares == [1.0, 0.2]


RULE = "{kind: failure_rate, rate: 50%, calls: 20}"


@pytest.mark.parametrize("written", [RULE, f"[{RULE}]"])
@pytest.mark.parametrize(
    "path", ["trip.rate", "trip.0.rate", "trip.failure_rate.rate", "payments.breaker.trip.rate"]
)
def test_a_rule_alone_is_found_with_and_without_its_number(path: str, written: str) -> None:
    """One rule may be written with or without its list, and addressed either way."""
    text = swapped("failure_threshold: 3", f"trip: {written}")
    expected = parse_scenario(text.replace("50%", "30%"))
    assert parse_scenario(text, sets=[f"{path}=30%"]) == expected
    assert parse_scenario(text).with_({path: "30%"}) == expected


def test_rules_of_several_are_found_by_number_or_kind() -> None:
    """With two rules a word of both is ambiguous, and number or kind says which."""
    both = f"[{RULE}, {{kind: failures_in_window}}, {{kind: failures_in_window, threshold: 9}}]"
    text = swapped("failure_threshold: 3", f"trip: {both}")
    for path in ("trip.2.threshold", "failures_in_window#2.threshold"):
        trip = parse_scenario(text, sets=[f"{path}=8"]).guarded_calls[0][2].breaker.trip
        assert [getattr(rule, "threshold", None) for rule in trip] == [None, 5, 8]
    assert "names no place" in problem_of(text, sets=["trip.threshold=8"]).what
    assert "3 places" in problem_of(text, sets=["window=8s"]).what


def test_rules_can_be_made_and_changed_word_by_word(tmp_path: Path) -> None:
    """A rule may be made from nothing, exchanged for another kind, or merged by an overlay."""
    text = swapped("failure_threshold: 3, ", "")
    made = ["trip.kind=failure_rate", "trip.rate=50%", "trip.calls=20"]
    expected = parse_scenario(swapped("failure_threshold: 3", f"trip: {RULE}"))
    assert parse_scenario(text, sets=made) == expected
    ruled = swapped("failure_threshold: 3", f"trip: {RULE}")
    other = parse_scenario(ruled, sets=["trip.kind=consecutive_failures", "trip.threshold=9"])
    assert other.guarded_calls[0][2].breaker.trip == (ConsecutiveFailures(threshold=9),)
    overlay = tmp_path / "over.yaml"
    overlay.write_text(
        "clients: {shop: {calls: {payments: {breaker: {trip: {kind: failures_in_window}}}}}}\n"
    )
    merged = parse_scenario(ruled, overlays=[overlay]).guarded_calls[0][2].breaker
    assert merged.trip == (FailuresInWindow(),)


BREAKER = "{failure_threshold: 3, recovery_timeout: 30s}"
LONG = f"{{trip: {RULE}, recovery: {{timeout: 10s, factor: 2}}}}"


@pytest.mark.parametrize(
    ("written", "change", "expected"),
    [
        (LONG, "failure_threshold=9", LONG.replace(f"trip: {RULE}", "failure_threshold: 9")),
        (LONG, "recovery_timeout=9s", f"{{trip: {RULE}, recovery_timeout: 9s}}"),
        (LONG, "trip.window=9s", LONG.replace("calls: 20", "window: 9s")),
        (BREAKER, f"trip={RULE}", f"{{trip: {RULE}, recovery_timeout: 30s}}"),
        (BREAKER, f"trip=[{RULE}]", f"{{trip: {RULE}, recovery_timeout: 30s}}"),
        (BREAKER, "recovery={factor: 2}", "{failure_threshold: 3, recovery: {factor: 2}}"),
        (BREAKER, "trip=null", BREAKER),
        (BREAKER, "recovery=null", BREAKER),
        ("{recovery_timeout: 30s, recovery: null}", "recovery.factor=2",
         "{recovery: {timeout: 30s, factor: 2}}"),
        ("{trip: null, failure_threshold: 3}", "failure_threshold=4", "{failure_threshold: 4}"),
    ],
)  # fmt: skip
def test_a_word_takes_the_place_of_the_one_that_says_the_same(
    written: str, change: str, expected: str, tmp_path: Path
) -> None:
    """Set, given to `with_` or in an overlay, one form drops the other; null drops nothing."""
    text, wanted = SMALL.replace(BREAKER, written), SMALL.replace(BREAKER, expected)
    assert parse_scenario(text, sets=[change]) == parse_scenario(wanted)
    path, _, value = change.partition("=")
    assert parse_scenario(text).with_({path: parse_value(value)}) == parse_scenario(wanted)
    keys = ["clients", "shop", "calls", "payments", "breaker", *path.split(".")]
    overlay = tmp_path / "over.yaml"
    overlay.write_text(": {".join(keys) + f": {value}" + "}" * (len(keys) - 1))
    # A mapping in an overlay is merged word by word; the next test is about that.
    if not value.startswith("{"):
        assert parse_scenario(text, overlays=[overlay]) == parse_scenario(wanted)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("recovery.factor=2", "failure_threshold: 3, recovery: {timeout: 30s, factor: 2}"),
        ("recovery.timeout=9s", "failure_threshold: 3, recovery: {timeout: 9s}"),
        (
            "trip.kind=failures_in_window",
            "trip: {kind: failures_in_window, threshold: 3}, recovery_timeout: 30s",
        ),
    ],
)
def test_what_was_said_in_short_is_kept_when_the_long_form_is_entered(
    change: str, expected: str, tmp_path: Path
) -> None:
    """A timeout of 30s is still one of 30s when only its growth is set, not the default's 60s."""
    wanted = parse_scenario(SMALL.replace(BREAKER, f"{{{expected}}}"))
    assert parse_scenario(SMALL, sets=[change]) == wanted
    path, _, value = change.partition("=")
    outer, inner = path.split(".")
    overlay = tmp_path / "over.yaml"
    inside = f"{{breaker: {{{outer}: {{{inner}: {value}}}}}}}"
    overlay.write_text(f"clients: {{shop: {{calls: {{payments: {inside}}}}}}}")
    assert parse_scenario(SMALL, overlays=[overlay]) == wanted


def test_the_later_of_two_that_say_the_same_wins() -> None:
    """Changes from outside are made in their order, so the last word is the last one given."""
    both = ["failure_threshold=9", f"trip={RULE}"]
    first = parse_scenario(SMALL, sets=both).guarded_calls[0][2].breaker
    assert (first.trip, first.model_fields_set & {"failure_threshold"}) == (
        (FailureRate(rate=0.5, calls=20),),
        set(),
    )
    last = parse_scenario(SMALL, sets=reversed(both)).guarded_calls[0][2].breaker
    assert (last.trip, last.failure_threshold) == (None, 9)


def test_both_forms_in_one_file_stay_a_mistake(tmp_path: Path) -> None:
    """Neither of the two is later: a file, and an overlay by itself, gives one."""
    both = f"{{failure_threshold: 3, trip: {RULE}}}"
    problem = problem_of(SMALL.replace(BREAKER, both))
    assert problem.what == "is given beside `trip`"
    assert "`{kind: consecutive_failures, threshold: 5}`" in problem.remedy
    overlay = tmp_path / "over.yaml"
    overlay.write_text(f"clients: {{shop: {{calls: {{payments: {{breaker: {both}}}}}}}}}")
    problem = problem_of(SMALL, overlays=[overlay])
    assert (problem.file, problem.what) == (str(overlay), "is given beside `trip`")
    # A change may cure it.
    sets = ["failure_threshold=3"]
    assert parse_scenario(SMALL, overlays=[overlay], sets=sets) == parse_scenario(SMALL)


def test_the_short_word_is_found_where_the_long_form_is_written() -> None:
    """`breaker.recovery_timeout` names the same place, and only it, whichever form is there."""
    text = SMALL.replace(BREAKER, LONG)
    other = "        breaker: {recovery: {timeout: 5s}}\n"
    for path in ("recovery_timeout", "breaker.recovery_timeout"):
        changed = parse_scenario(text).with_({path: "7s"}).guarded_calls[0][2].breaker
        assert changed.recovery is None
        assert changed.recovery_timeout == 7
    second = text.replace(
        "services:\n", f"      b:\n{other}services:\n  b: {{workers: 1, work: 1s}}\n"
    )
    assert "names 2 places" in problem_of(second, sets=["breaker.recovery_timeout=7s"]).what
    assert "names 2 places" in problem_of(second, sets=["recovery.factor=2"]).what


def test_other_pairs_take_each_others_place_likewise() -> None:
    """A cache for a hit rate, a mean for percentiles: whatever is one or the other."""
    text = swapped("timeout: 2s", "timeout: 2s\n        fallback: {hit_rate: 50%}")
    fallback = parse_scenario(text, sets=["fallback.cache={keys: 9, ttl: 1m}"])
    assert fallback.clients["shop"].calls["payments"].fallback.hit_rate is None
    text = swapped("work: 50ms", "work: {kind: lognormal, p50: 10ms, p99: 50ms}")
    sets = ["work.mean=20ms", "work.cv=1"]
    work = parse_scenario(text, sets=sets).services["payments"].work
    assert work == Lognormal(mean=0.02, cv=1)


def test_an_absent_part_is_made_when_one_place_is_meant() -> None:
    """A word of a part that is not there makes the part, if only one could be meant."""
    scenario = parse_scenario(SMALL, sets=["fallback.hit_rate=50%"])
    assert scenario.clients["shop"].calls["payments"].fallback.hit_rate == 0.5


def test_what_is_there_wins_over_what_could_be() -> None:
    """A word written once is meant, even if absent parts elsewhere could have it too."""
    text = swapped("work: 50ms", "work: 50ms\n    calls: {b: {}}\n  b: {workers: 1, work: 1s}")
    assert parse_scenario(text, sets=["recovery_timeout=9s"]).guarded_calls[0][2].breaker == (
        parse_scenario(text)
        .guarded_calls[0][2]
        .breaker.model_copy(update={"recovery_timeout": 9.0})
    )


def test_an_ambiguous_ending_is_refused_with_all_its_places() -> None:
    """An ending of two places changes neither and lists both."""
    problem = problem_of(TWO, sets=["workers=3"])
    assert problem.file == "--set workers=3"
    assert "names 2 places" in problem.what
    assert "services.other.workers" in problem.remedy
    assert "services.payments.workers" in problem.remedy


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        ("breaker.recovery_timeot=3s", "--set breaker.recovery_timeot=3s", "recovery_timeout`?"),
        ("recovery_timeout=3", "--set recovery_timeout=3", "has no unit"),
        ("recovery_timeout", "--set recovery_timeout", "PATH=VALUE"),
        ("=3", "--set =3", "PATH=VALUE"),
        ("recovery_timeout=", "--set recovery_timeout=", "has no value"),
        ("recovery_timeout=[", "--set recovery_timeout=[", "write"),
        ("recovery_timeout=010", "--set recovery_timeout=010", "leading zero"),
        ("faults.7.share=3%", "--set faults.7.share=3%", "names no place"),
        ("..=3", "--set ..=3", "names no place"),
        ("a\x1b=3", "--set a\\x1b=3", "names no place"),
    ],
)
def test_a_wrong_change_is_its_own_place(change: str, place: str, words: str) -> None:
    """A problem with a change is reported at the change, not in the file."""
    problem = problem_of(SMALL, sets=[change])
    assert problem.line is None
    assert str(problem).startswith(f"{place}: ")
    assert words in str(problem)


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ("faults.1.share=3%", "adding to `faults` needs `-f overlay.yaml` with the whole list"),
        ("faults.1={kind: hang}", "adding to `faults` needs `-f overlay.yaml` with the whole list"),
        ("services.c={workers: 3}", "adding to `services` needs `-f overlay.yaml`"),
        ("calls.c.timeout=3s", "adding to `clients.shop.calls` needs `-f overlay.yaml`"),
        ("services.paymets.workers=3", "did you mean `services.payments.workers`?"),
        ("faults.0.shaer=3%", "did you mean `faults.0.share`?"),
        ("seed=3", "it belongs to the run and not to the scenario: write `--seed`"),
    ],
)
def test_what_a_change_cannot_do_is_done_in_another_way(change: str, remedy: str) -> None:
    """Something new needs an overlay; a slip in a name that is there is recognised."""
    assert problem_of(SMALL, sets=[change]).remedy == remedy


def test_a_seed_in_a_file_is_told_where_it_belongs() -> None:
    problem = problem_of("seed: 3\n" + SMALL)
    assert "write `--seed`" in problem.remedy


@pytest.mark.parametrize("name", ["slow-replica", "-"])
def test_an_overlay_is_a_file_and_nothing_else(name: str) -> None:
    """Neither a shipped name nor standard input, and the message offers none."""
    problem = problem_of(SMALL, overlays=[name])
    assert problem.file == name
    assert problem.remedy == "write the path of a file, no shipped name and no `-`"


def test_changes_and_file_are_judged_together() -> None:
    """Problems of the file and of several changes come in one pass, and a change may cure."""
    text = swapped("timeout: 2s", "timeout: 2")
    problems = problems_of(text, sets=["workers=none", "nothing=3"])
    assert [p.file for p in problems] == ["--set nothing=3", "f.yaml", "--set workers=none"]
    assert parse_scenario(text, sets=["payments.timeout=2s"]) == parse_scenario(SMALL)


def test_python_values_are_taken_as_a_file_has_them() -> None:
    """Numbers, parts and mappings may be given; a bare number is no duration there either."""
    scenario = parse_scenario(SMALL)
    assert scenario.with_({"failure_threshold": 7}).guarded_calls[0][2].breaker == (
        parse_scenario(SMALL, sets=["failure_threshold=7"]).guarded_calls[0][2].breaker
    )
    assert scenario.with_({"work": Exponential(mean=0.5)}).services["payments"].work == (
        Exponential(mean=0.5)
    )
    faster = scenario.with_({"retry": {"max_retries": 1, "backoff": Fixed(delay=0.1)}})
    assert faster.clients["shop"].calls["payments"].retry.backoff == Fixed(delay=0.1)
    with pytest.raises(ScenarioError, match="has no unit"):
        scenario.with_({"recovery_timeout": 30})
    with pytest.raises(ScenarioError, match="no place in a scenario"):
        scenario.with_({"recovery_timeout": object()})


def test_a_change_leaves_the_original_alone() -> None:
    """Changing a scenario gives another one."""
    scenario = parse_scenario(SMALL)
    scenario.with_({"workers": 9})
    assert scenario == parse_scenario(SMALL)


def test_breakers_can_be_switched_off_together() -> None:
    """Without breakers every breaker is disabled and nothing else has changed."""
    scenario = parse_scenario(SMALL)
    bare = scenario.without_breakers()
    assert [call.breaker.enabled for _, _, call in bare.guarded_calls] == [False]
    assert bare.with_({"enabled": True}) == scenario


@given(scenarios())
def test_switching_breakers_off_is_done_once(scenario: Scenario) -> None:
    """Every breaker of any scenario is off, and switching off again changes nothing."""
    bare = scenario.without_breakers()
    assert not any(call.breaker.enabled for _, _, call in bare.guarded_calls)
    assert len(bare.guarded_calls) == len(scenario.guarded_calls)
    assert bare.without_breakers() == bare


def test_an_overlay_is_merged_deeply(tmp_path: Path) -> None:
    """Mappings are merged, lists are replaced whole, everything else stays."""
    overlay = tmp_path / "over.yaml"
    overlay.write_text(
        "clients: {shop: {calls: {payments: {breaker: {recovery_timeout: 10s}}}}}\nfaults: []\n"
    )
    expected = parse_scenario(SMALL, sets=["recovery_timeout=10s", "faults=[]"])
    assert parse_scenario(SMALL, overlays=[overlay]) == expected


def test_a_changed_kind_drops_the_words_of_the_old_one(tmp_path: Path) -> None:
    """An overlay or a change to another kind need not delete what no longer applies."""
    text = swapped("work: 50ms", "work: {kind: lognormal, p50: 10ms, p99: 50ms}")
    overlay = tmp_path / "over.yaml"
    overlay.write_text("services: {payments: {work: {kind: exponential, mean: 1s}}}\n")
    expected = Exponential(mean=1.0)
    assert parse_scenario(text, overlays=[overlay]).services["payments"].work == expected
    both = ["work.kind=exponential", "work.mean=1s"]
    assert parse_scenario(text, sets=both).services["payments"].work == expected


@pytest.mark.parametrize("old", ["50ms", "{kind: lognormal, p50: 10ms, p99: 50ms}"])
@pytest.mark.parametrize("change", ["work={kind: exponential}", "work.kind=exponential"])
def test_a_word_that_a_change_leaves_out_is_missing_there(change: str, old: str) -> None:
    """The file's own value, which was good, is not to blame."""
    problem = problem_of(swapped("work: 50ms", f"work: {old}"), sets=[change])
    told = f"--set {change}: services.payments.work.mean: is missing"
    assert str(problem).startswith(told)


@pytest.mark.parametrize("old", ["50ms", "{kind: lognormal, p50: 10ms, p99: 50ms}"])
def test_a_word_that_an_overlay_leaves_out_is_missing_there(tmp_path: Path, old: str) -> None:
    """With the overlay's line, whether it exchanges a value or only its kind."""
    overlay = tmp_path / "over.yaml"
    overlay.write_text("duration: 3m\nservices:\n  payments: {work: {kind: exponential}}\n")
    problem = problem_of(swapped("work: 50ms", f"work: {old}"), overlays=[overlay])
    assert (problem.file, problem.line, problem.column) == (str(overlay), 3, 14)
    assert problem.path == "services.payments.work.mean"


def test_a_word_of_the_file_that_is_missing_is_missing_in_the_file() -> None:
    """A change beside it moves no blame."""
    text = swapped("work: 50ms", "work: {kind: lognormal, p50: 10ms}")
    problem = problem_of(text, sets=["work.p50=20ms"])
    assert (problem.file, problem.line) == ("f.yaml", 14)


def test_a_problem_of_an_overlay_is_marked_in_the_overlay(tmp_path: Path) -> None:
    """Each value is marked in the file it came from."""
    overlay = tmp_path / "over.yaml"
    overlay.write_text("duration: 3m\nservices:\n  payments: {workers: none, extra: 1}\n")
    problems = problems_of(swapped("timeout: 2s", "timeout: 2"), overlays=[overlay])
    assert [(p.file, p.line, p.column) for p in problems] == [
        ("f.yaml", 8, 18),
        (str(overlay), 3, 23),
        (str(overlay), 3, 29),
    ]


def test_overlays_that_are_no_mappings_are_refused(tmp_path: Path) -> None:
    """A missing overlay and one that is a list are told together."""
    listed = tmp_path / "list.yaml"
    listed.write_text("- a\n")
    problems = problems_of(SMALL, overlays=[tmp_path / "none.yaml", listed])
    assert [p.what for p in problems] == ["does not exist", "is not a mapping"]


OVERLAY_PATHS = """\
about: changed
breaker.recovery_timeout: 7s
duration: 2m
"""


def test_an_overlays_other_keys_are_paths(tmp_path: Path) -> None:
    """A key that is no word of a scenario is taken as `--set` takes it, for any scenario."""
    overlay = tmp_path / "best.yaml"
    overlay.write_text(OVERLAY_PATHS)
    for name in ("gc-pause", "flapping", "slow-replica"):
        found = read_scenario(name, overlays=[overlay])
        changes = {"about": "changed", "duration": "2m", "breaker.recovery_timeout": "7s"}
        assert found == read_scenario(name).with_(changes)


def test_an_overlays_wrong_path_is_told_where_it_stands(tmp_path: Path) -> None:
    """With its line, and what was probably meant."""
    overlay = tmp_path / "best.yaml"
    overlay.write_text("about: changed\nduratoin: 2m\n")
    with pytest.raises(ScenarioError) as told:
        read_scenario("gc-pause", overlays=[overlay])
    assert f"{overlay}:2:1" in str(told.value)
    assert "did you mean `duration`" in str(told.value)
