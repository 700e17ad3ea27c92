"""Messages: every problem at once, each with its place, its line and its remedy."""

from __future__ import annotations

import copy
import pickle

import pytest
from test_scenario.written import SMALL, problem_of, problems_of, swapped

from simcb.scenario import Problem, ScenarioError, parse_scenario

WRONG = """\
name: 5
duratoin: 5m
clients:
  shop:
    arrivals: {kind: poison, rate: 40/s}
    calls:
      paiments: {timeout: 2}
services:
  payments:
    work: 50ms
    calls: {database: {}}
  database:
    workers: 3
    work: {kind: lognormal, p50: 2s, p99: 1s}
    calls: {payments: {}}
faults:
  - {kind: hang, on: payment, at: 1m, lasts: 2m}
  - {kind: latency, on: payments, at: -1s, for: 2m, add: 3}
thresholds:
  - p99{fault} << 1s
"""


def test_every_problem_is_told_in_one_pass() -> None:
    """Wrong values, unknown words, missing ones and wrong names all come together."""
    places = [(p.line, p.path) for p in problems_of(WRONG)]
    assert places == [
        (1, "duration"),
        (1, "name"),
        (2, "duratoin"),
        (5, "clients.shop.arrivals.kind"),
        (7, "clients.shop.calls.paiments"),
        (7, "clients.shop.calls.paiments.timeout"),
        (9, "services.payments.workers"),
        (14, "services.database.work.p99"),
        (15, "services.database.calls.payments"),
        (17, "faults.0.for"),
        (17, "faults.0.on"),
        (17, "faults.0.lasts"),
        (18, "faults.1.at"),
        (18, "faults.1.add"),
        (20, "thresholds.0"),
    ]
    assert all(problem.remedy for problem in problems_of(WRONG))


def test_a_problem_reads_as_place_path_cause_remedy_and_caret() -> None:
    """The text of a problem can be clicked, understood and acted upon."""
    problem = problem_of(swapped("timeout: 2s", "timeout: 2"))
    assert str(problem) == (
        "f.yaml:8:18: clients.shop.calls.payments.timeout: `2` has no unit; write `2s` or `2ms`\n"
        "            timeout: 2\n"
        "                     ^"
    )


@pytest.mark.parametrize(
    ("old", "new", "meant"),
    [
        ("workers: 8", "workers: 8\n    replica: 3", "`replicas`"),
        ("recovery_timeout: 30s", "reset_timeout: 30s", "`recovery_timeout`"),
        ("{max_retries: 2}", "{max_retries: 2, jitter: ful}", "`full`"),
        ("kind: poisson", "kind: Poisson", "`poisson`"),
        ("kind: hang", "kind: hangs", "`hang`"),
        ("on: payments", "on: payment", "`payments`"),
        ("work: 50ms", "work: {kind: exponetial, mean: 1s}", "`exponential`"),
        ("{max_retries: 2}", "{max_retries: 2, on: [timeouts]}", "`timeout`"),
    ],
)
def test_a_slip_of_the_pen_is_recognised(old: str, new: str, meant: str) -> None:
    """Unknown keys, kinds, services and words come with the one that was probably meant."""
    assert f"did you mean {meant}?" in problem_of(swapped(old, new)).remedy


@pytest.mark.parametrize(
    ("old", "new", "remedy"),
    [
        ("    workers: 8\n", "", "workers: 8"),
        ("{max_retries: 2}", "2", "retry: {max_retries: 2}"),
        ("{max_retries: 2}", "{max_retries: 2, backoff: fixed}", "{kind: fixed, …}"),
        ("duration: 5m", "duration: [5m]", "1m30s"),
        ("work: 50ms", "work: {p50: 2s}", "constant, exponential, lognormal"),
        ("  - {kind: hang, on: payments, at: 1m, for: 2m}\n", "  kind: hang\n", "faults: ["),
        ("failure_threshold: 3", "enabled: yes", "`true`"),
        ("  shop:\n", "  shop front:\n", "begin with a letter"),
        ("  payments:\n    workers", "  payments: {}\n  fault:\n    workers", "fault-1"),
    ],
)
def test_the_remedy_is_something_to_write(old: str, new: str, remedy: str) -> None:
    """What is missing or of the wrong type comes with an example of what is right."""
    assert any(remedy in problem.remedy for problem in problems_of(swapped(old, new)))


def test_a_missing_key_is_marked_at_the_mapping_that_lacks_it() -> None:
    """A key that is not there is shown at the name of its mapping."""
    problem = problem_of(swapped("    workers: 8\n", ""))
    assert (problem.line, problem.column, problem.source_line) == (12, 3, "  payments:")


def test_a_circle_of_calls_is_shown_whole() -> None:
    """Services that call each other in a circle are refused with the circle."""
    problem = problem_of(
        swapped(
            "work: 50ms",
            "work: 50ms\n    calls: {b: {}}\n  b: {workers: 1, work: 1s, calls: "
            "{c: {}}}\n  c: {workers: 1, work: 1s, calls: {payments: {}}}",
        )
    )
    assert "payments → b → c → payments" in problem.what


def test_a_service_may_not_call_itself() -> None:
    """The smallest circle is refused too."""
    problem = problem_of(swapped("work: 50ms", "work: 50ms\n    calls: {payments: {}}"))
    assert "payments → payments" in problem.what


def test_two_roads_to_one_service_are_no_circle() -> None:
    """A service called along two ways is fine, and so is one that nobody calls."""
    text = swapped(
        "work: 50ms",
        "work: 50ms\n    calls: {b: {}, c: {}}\n  b: {workers: 1, work: 1s, calls: {c: {}}}\n"
        "  c: {workers: 1, work: 1s}\n  lonely: {workers: 1, work: 1s}",
    )
    assert list(parse_scenario(text).services) == ["payments", "b", "c", "lonely"]


def test_a_long_chain_of_services_is_walked_without_recursion() -> None:
    """A thousand services in a row are checked like three."""
    chain = "".join(
        f"  s{i}: {{workers: 1, work: 1s, calls: {{s{i + 1}: {{}}}}}}\n" for i in range(998)
    )
    text = swapped("faults:\n", chain + "  s998: {workers: 1, work: 1s}\nfaults:\n")
    assert len(parse_scenario(text).services) == 1000


def test_two_faults_of_one_name_are_refused() -> None:
    """A fault's name is its own."""
    text = SMALL.replace("for: 2m}", "for: 2m, name: a}")
    text += "  - {kind: refuse, on: payments, at: 4m, for: 1s, name: a}\n"
    assert "taken by fault 0" in problem_of(text).what


def test_hostile_text_reaches_no_terminal() -> None:
    """Escape sequences, also escaped ones, and direction marks come out as plain characters."""
    text = swapped("duration: 5m", 'duration: "\\e[2J"\n"\\u202ex": 3\nb: "\u202e"')
    shown = "\n".join(map(str, problems_of(text)))
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert "\\x1b[2J" in shown


def test_the_caret_finds_its_character_in_any_line() -> None:
    """Tabs, wide characters and long lines do not push the caret away."""
    text = swapped("duration: 5m", "duration: 5m\nsample_every: [日本, '\t', 010]")
    wide = next(p for p in problems_of(text) if "leading zero" in p.what)
    _, line, caret = str(wide).split("\n")
    assert caret.index("^") == line.index("010") + len("日本")
    long = problem_of(swapped("timeout: 2s", f"timeout: {' ' * 300}2{' ' * 300}# end"))
    sentence, line, caret = str(long).split("\n")
    assert line[caret.index("^")] == "2"
    assert len(line) < 120
    assert "has no unit" in sentence


def test_errors_travel_between_processes() -> None:
    """An error survives pickling and re-creation from its arguments, as pools do it."""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(WRONG)
    error = caught.value
    assert pickle.loads(pickle.dumps(error)).problems == error.problems
    assert str(type(error)(*error.args)) == str(error)
    assert copy.copy(error.problems[0]) == error.problems[0]


def test_a_problem_without_a_line_is_one_sentence() -> None:
    """A problem of an override has its label for a place, and no caret."""
    assert str(Problem("--set a=b", None, None, "a", "is wrong", "write c")) == (
        "--set a=b: a: is wrong; write c"
    )
