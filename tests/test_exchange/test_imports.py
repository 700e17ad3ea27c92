"""Settings of other programs come in, and every difference of meaning is said at its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_exchange.samples import FOLDER, TRAPS

from simcb.exchange import IMPORTED, ExchangeError, import_settings
from simcb.scenario import Scenario, ScenarioError, parse_scenario

FLAKY = """
name: shop
duration: 10s
clients:
  shop:
    arrivals: {kind: poisson, rate: 5/s}
    calls: {payments: {timeout: 9s}}
services:
  payments: {replicas: 2, workers: 4, work: 50ms}
"""


R4J = "resilience4j.circuitbreaker.instances.a"


def _words(text: str, format: str | None = None) -> dict[str, object]:
    imported = import_settings("settings", text=text, format=format)
    return imported.policies[0].words


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_a_file_of_the_public_kind_comes_in_with_every_trap_named(name: str) -> None:
    """Each expected note is there with its line, and every policy makes a scenario."""
    imported = import_settings(FOLDER / name)
    for line, words in TRAPS[name]:
        found = [note for note in imported.notes if words in note.what]
        assert found, f"nothing says {words!r}"
        assert line in {note.line for note in found}
    for policy in imported.policies:
        assert isinstance(imported.only(policy.name).scenario("service"), Scenario)


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_a_note_stands_in_the_overlay_as_a_comment(name: str) -> None:
    """What is said in the summary is said in the file as well, at its place."""
    imported = import_settings(FOLDER / name)
    for policy in imported.policies:
        text = imported.only(policy.name).overlay("payments")
        said = " ".join(line.strip().lstrip("# ") for line in text.splitlines() if "#" in line)
        for note in policy.notes:
            assert " ".join(str(note).split()) in said


def test_every_format_has_a_sample() -> None:
    """A new format comes with a file of its kind."""
    assert {import_settings(path).format for path in FOLDER.iterdir()} == set(IMPORTED)


def test_an_overlay_changes_the_call_it_names(tmp_path: Path) -> None:
    """What the file says lies over the scenario, from a file and from Python alike."""
    imported = import_settings(FOLDER / "application.yml").only("payments")
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(imported.overlay(), encoding="utf-8")
    scenario = parse_scenario(FLAKY)
    laid = parse_scenario(FLAKY, overlays=[overlay])
    assert laid == imported.applied_to(scenario)
    call = laid.clients["shop"].calls["payments"]
    assert call.timeout == 2.0
    assert call.bulkhead is not None
    assert call.bulkhead.max_concurrent == 40


def test_a_call_of_another_name_is_named() -> None:
    """`--on` says which call the settings are for; balance goes to its service."""
    imported = import_settings(FOLDER / "envoy.yaml")
    changed = imported.applied_to(parse_scenario(FLAKY), "shop.calls.payments")
    assert changed.services["payments"].replicas == 3
    assert changed.services["payments"].balance == "least_busy"


def test_relaxed_binding_takes_every_spelling() -> None:
    """kebab-case, camelCase, capitals and dots in keys are one thing to Spring."""
    spellings = (
        "resilience4j.circuitbreaker.instances.a.sliding-window-size=7",
        "resilience4j:\n  circuitbreaker:\n    instances:\n      a:\n        slidingWindowSize: 7",
        "resilience4j.circuitbreaker.instances:\n  a:\n    SLIDING_WINDOW_SIZE: '7'",
    )
    assert len({repr(_words(each)) for each in spellings}) == 1


@pytest.mark.parametrize(
    ("trip", "rule"),
    [
        ("consecutiveFailures > 8", {"kind": "consecutive_failures", "threshold": 9}),
        ("consecutiveFailures >= 8", {"kind": "consecutive_failures", "threshold": 8}),
        ("totalFailures > 3", {"kind": "failures_in_window", "threshold": 4, "window": "8760h"}),
    ],
)
def test_a_trip_expression_is_what_gobreaker_makes_of_it(trip: str, rule: object) -> None:
    """`> n` is threshold n + 1, and counts that are never cleared are remembered."""
    text = f"gobreaker: {{a: {{MaxRequests: 1, ReadyToTrip: {trip!r}}}}}"
    assert _words(text)["breaker"]["trip"] == [rule]  # type: ignore[index]


def test_what_a_mesh_does_about_its_hosts_comes_in() -> None:
    """The panic threshold, warming up and retries elsewhere of Envoy, Istio and nginx."""
    envoy = """
clusters:
  - name: a
    common_lb_config: {healthy_panic_threshold: {value: 40}}
    round_robin_lb_config: {slow_start_config: {slow_start_window: 60s, aggression: 2}}
    outlier_detection: {max_ejection_percent: 80}
routes:
  - route: {cluster: a, retry_policy: {num_retries: 2, retry_on: 5xx, retry_host_predicate: HOSTS}}
""".replace("HOSTS", "[{name: envoy.retry_host_predicates.previous_hosts}]")
    istio = """
kind: DestinationRule
spec:
  host: a
  trafficPolicy:
    loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 60s}}
    outlierDetection: {maxEjectionPercent: 80, minHealthPercent: 40}
---
kind: VirtualService
spec: {http: [{route: [{destination: {host: a}}], retries: {attempts: 2, retryOn: 5xx}}]}
"""
    for text, format in ((envoy, "envoy"), (istio, "istio")):
        words: Any = _words(text, format)
        assert (words["breaker"]["panic"], words["breaker"]["slow_start"]) == ("40%", "1m")
        assert words["retry"]["elsewhere"] is True
    nginx = "upstream a { server x slow_start=30s; server y slow_start=30s; }"
    words = _words(nginx + " server { location / { proxy_pass http://a; } }", "nginx")
    assert (words["breaker"]["panic"], words["breaker"]["slow_start"]) == ("1%", "30s")
    assert words["retry"]["elsewhere"] is True


def test_a_hedge_by_polly_and_by_envoy_comes_in() -> None:
    """Delay and MaxHedgedAttempts with their defaults; a per-try timeout that cancels nothing."""
    assert _words('{"MaxHedgedAttempts": 3}')["hedge"] == {"after": "2s", "times": 3}
    text = """
clusters: [{name: a}]
routes:
  - {cluster: a, timeout: 1s, hedge_policy: {hedge_on_per_try_timeout: HEDGES},
     retry_policy: {num_retries: 20, retry_on: 5xx, per_try_timeout: 100ms}}
"""
    words = _words(text.replace("HEDGES", "true"), "envoy")
    assert (words["hedge"], words["timeout"]) == ({"after": "100ms", "times": 10}, "1s")
    words = _words(text.replace("HEDGES", "false"), "envoy")
    assert ("hedge" in words, words["timeout"]) == (False, "100ms")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("gobreaker: {a: {MaxRequests: 1, IsSuccessful: f}}", "all else is a success there"),
        ("gobreaker: {a: {MaxRequests: 1, IsExcluded: f}}", "neither success nor failure"),
        ('{"resetTimeout": 9, "errorFilter": "f"}', "that it filters is a success there"),
        ('{"FailureRatio": 0.5}', "not handled is a success there"),
        (f"{R4J}.ignoreExceptions: [A]", "neither success nor failure there"),
        (f"{R4J}.ignoreExceptionPredicate: A", "neither success nor failure there"),
        (f"{R4J}.recordExceptions: [A]", "not recorded is a success there"),
        (f"{R4J}.recordFailurePredicate: A", "not recorded is a success there"),
    ],
)
def test_what_an_ignored_exception_counts_as_is_said(text: str, what: str) -> None:
    """A success to some libraries, and nothing at all to others."""
    notes = import_settings("file", text=text).notes
    assert [note for note in notes if what in note.what]


def test_a_strict_rate_stays_strict() -> None:
    """Opossum opens above half, so 5 of 10 do not open it, and 6 do."""
    [rule] = _words("{errorThresholdPercentage: 50}")["breaker"]["trip"]  # type: ignore[index]
    assert (rule["rate"], rule["strict"]) == ("50%", True)
    text = "gobreaker: {a: {MaxRequests: 1, ReadyToTrip: 'TotalFailures / Requests > 0.5'}}"
    [rule] = _words(text)["breaker"]["trip"]  # type: ignore[index]
    assert (rule["rate"], rule["strict"]) == ("50%", True)


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("resilience4j: [1, 2]", ":1:", "is not a mapping"),
        (
            "resilience4j.retry.instances.a.maxAttempts: many",
            ":1:",
            "`many` is no number",
        ),
        ("resilience4j.retry.instances.a.maxAttempts: .nan", ":1:", "not finite"),
        ("resilience4j.retry.instances.a.maxAttempts: -1", ":1:", "out of range"),
        ("resilience4j.retry.instances.a.waitDuration: soon", ":1:", "no duration"),
        ("resilience4j.circuitbreaker.instances.a.failureRateThreshold: 101", ":1:", "range"),
        ("resilience4j.circuitbreaker.instances.a.baseConfig: gone", ":1:", "names no config"),
        ("resilience4j: !!python/object:os.system {}", ":1:", "tag"),
        ("resilience4j: &a [*a]", ":1:", "anchor"),
        ("resilience4j:\n\tretry: 1", ":2:", "tab"),
        ('{"FailureRatio": NaN}', ":1:", "not finite"),
        ('{"FailureRatio": 0.5, "SamplingDuration": 60}', ":1:", "counts days"),
        ('{"FailureRatio": 0.5', ":1:", "does not end"),
        ("upstream a { server b max_fails=x; }", ":1:", "no whole number"),
        ('{"MaxHedgedAttempts": 11}', ":1:", "write 1 to 10"),
        ('{"MaxHedgedAttempts": 2, "Delay": "soon"}', ":1:", "no duration"),
    ],
)
def test_a_wrong_value_is_refused_at_its_place(text: str, place: str, what: str) -> None:
    """File, line and column, what is wrong, and what to write."""
    try:
        imported = import_settings("file", text=text)
    except ScenarioError as error:
        said = str(error)
    else:
        said = "file:1:" + " ".join(map(str, imported.notes))
    assert f"file{place}" in said
    assert what in said


@pytest.mark.parametrize(
    "text",
    [
        "resilience4j: " + "[" * 60_000,
        '{"FailureRatio": ' + "[" * 60_000,
        '{"a": {"FailureRatio": 1}, "b": ' + '{"a": ' * 5_000 + "1" + "}" * 5_001,
        "upstream a { " + "b { " * 30_000,
        "upstream a { " + "b c; " * 60_000 + "}",
        "new CircuitBreaker(f, {resetTimeout: " + "(" * 60_000,
        "resetTimeout: /* " * 60_000,
        '{"FailureRatio": [' + "1," * 51_000 + "1]}",
        "gobreaker.Settings{Timeout: " + "9" * 5_000 + " * time.Hour * 9e300}",
        "gobreaker.Settings{" * 5_000,
    ],
    ids=range(10),
)
def test_a_hostile_text_is_refused_in_a_sentence(text: str) -> None:
    """Depth, length and numbers beyond all bounds end in an error or in settings, at once."""
    said = ""
    try:
        import_settings("file", text=text)
    except (ScenarioError, ExchangeError) as error:
        said = str(error)
    assert len(said) < 20_000


def test_a_file_beyond_a_mebibyte_is_not_read(tmp_path: Path) -> None:
    """A gigabyte on one line costs nothing."""
    huge = tmp_path / "huge.yml"
    with huge.open("wb") as file:
        file.write(b"resilience4j: ")
        file.seek(2**30)
        file.write(b"x")
    with pytest.raises(ScenarioError, match="larger than 1 MiB"):
        import_settings(huge)


def test_what_is_no_file_of_settings_says_so(tmp_path: Path) -> None:
    """A directory, a file that is not there, binary, and a file of something else."""
    binary = tmp_path / "binary.yml"
    binary.write_bytes(b"\xff\xfe\x00resilience4j")
    for path, what in (
        (tmp_path, "directory"),
        (tmp_path / "no.yml", "No such"),
        (binary, "UTF-8"),
    ):
        with pytest.raises(ScenarioError, match=what):
            import_settings(path)
    with pytest.raises(ExchangeError, match="looks like none of"):
        import_settings("file", text="a: 1")
    with pytest.raises(ExchangeError, match="holds no settings"):
        import_settings("file", text="a: 1", format="istio")
    with pytest.raises(ExchangeError, match="did you mean `istio`"):
        import_settings("file", text="a: 1", format="istoi")


def test_names_of_a_file_reach_no_comment_raw() -> None:
    """Escape sequences and line breaks of keys and values are visible, and one comment each."""
    text = '{"\\u001b[31mred\\nx: 1": {"FailureRatio": 0.5, "\\u001b]0;": "a\\nb"}}'
    overlay = import_settings("fi\nle", text=text).overlay()
    assert "\x1b" not in overlay
    assert all(line.startswith("#") or ":" in line or not line for line in overlay.splitlines())
