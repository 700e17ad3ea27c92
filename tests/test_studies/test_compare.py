"""Variants: how they are written, run on the same random streams, and told apart."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from simcb import studies
from simcb.metrics import Estimate, Unit
from simcb.metrics.intervals import apart
from simcb.options import CompareOptions, JobOptions
from simcb.scenario import Scenario, parse_scenario
from simcb.studies import StudyError
from simcb.studies.compare import compare
from simcb.studies.comparison import Comparison
from simcb.studies.conditions import conditions_on, judged
from simcb.studies.variants import Variant, altered, check_variants, parse_group
from simcb.views.compare import Answer, compare_document
from simcb.views.compare_findings import sentence, verdicts
from simcb.views.markdown import as_markdown

HERE = JobOptions(workers=0)
BALANCES = ("round_robin", "random")  # which are alike for a single replica

SMALL = """
name: small
duration: 20s
clients:
  shop:
    arrivals: {kind: poisson, rate: 20/s}
    calls:
      store:
        timeout: 500ms
        breaker: {failure_threshold: 3, recovery_timeout: 2s}
services:
  store: {workers: 8, work: {kind: exponential, mean: 20ms}}
faults:
  - {kind: errors, rate: 40%, on: store, at: 5s, for: 10s}
thresholds:
  - success{healthy} >= 99%
"""


@cache
def small() -> Scenario:
    return parse_scenario(SMALL)


def variants(*groups: str) -> tuple[Variant, ...]:
    return (Variant("now", small()), *(altered(parse_group(each), small()) for each in groups))


@cache
def compared(*groups: str, replicates: int = 3) -> Comparison:
    return compare(variants(*groups), CompareOptions(replicates, 1), HERE)


@pytest.mark.parametrize(
    ("text", "name", "sets"),
    [
        ("fast: a=1, b=2", "fast", ("a=1", "b=2")),
        ("a=1", "a=1", ("a=1",)),
        ("x: trip={kind: failure_rate, rate: 50%}, b=[1, 2]", "x", None),
        ("x: name='a, b', c=3", "x", ("name='a, b'", "c=3")),
        ("none", "no breaker", ()),
        ("Polly", "like Polly", ()),
        (
            "use=textbook, settings.recovery_timeout=9",
            "textbook, settings.recovery_timeout=9",
            ("settings.recovery_timeout=9",),
        ),
        ("my own: resilience4j, recovery_timeout=9s", "my own", ("recovery_timeout=9s",)),
        ("best.yaml", "best", ()),
    ],
)
def test_a_group_is_a_name_and_changes(text: str, name: str, sets: tuple[str, ...] | None) -> None:
    """Commas inside brackets and quotes belong to a value, a colon inside them to none."""
    group = parse_group(text)
    wanted = ("trip={kind: failure_rate, rate: 50%}", "b=[1, 2]") if sets is None else sets
    assert (group.name, group.sets) == (name, wanted)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("resilence4j", "did you mean `resilience4j`?"),
        ("slow-replica", "give it without --with"),
        ("x:", "says nothing to compare with"),
        ("x: none, Polly", "names `none` and `Polly`"),
        ("Polly, use=polly", "names `Polly` and `use=polly`"),
    ],
)
def test_a_group_that_makes_no_sense_says_what_to_write(text: str, words: str) -> None:
    """Each slip of the pen has its remedy."""
    with pytest.raises(StudyError) as error:
        parse_group(text)
    assert words in str(error.value)


def test_a_change_that_does_not_fit_is_refused_with_its_place() -> None:
    """The path that was misspelt is named, with the one that was meant."""
    with pytest.raises(StudyError, match="recovery_timeot=5s"):
        altered(parse_group("breaker.recovery_timeot=5s"), small())


def test_a_librarys_defaults_and_the_library_are_two_things() -> None:
    """Our breaker with its defaults says so, and names what puts the other one there."""
    near, itself = variants("polly", "use=polly")[1:]
    ours = near.scenario.clients["shop"].calls["store"].breaker
    theirs = itself.scenario.clients["shop"].calls["store"].breaker
    assert ours is not None
    assert theirs is not None
    assert (near.name, ours.use, itself.name, theirs.use) == ("like polly", None, "polly", "polly")
    assert near.differs.startswith(
        "simcb's breaker with the library's defaults; the library counts"
    )
    assert near.differs.endswith("`use=polly` is a model of its rules")
    assert itself.differs == ""
    with pytest.raises(StudyError, match="`pollly` is no breaker that is registered"):
        variants("use=pollly")


def test_variants_have_names_of_their_own_and_last_equally_long() -> None:
    """What cannot be paired or told apart is not run."""
    with pytest.raises(StudyError, match="two variants are called `no breaker`"):
        check_variants(variants("none", "none"))
    with pytest.raises(StudyError, match="give both the same duration"):
        check_variants(variants("longer: duration=40s"))
    with pytest.raises(StudyError, match="there is 1 variant"):
        check_variants(variants())


def test_variants_meet_the_same_requests_as_a_run_alone_does() -> None:
    """All streams are those of `run`: a variant is the same run, to the bit."""
    found = compared("none", "fast: recovery_timeout=500ms")
    alone = studies.run(small(), seed=1, replicates=3, baseline="none")
    assert found.results[0].digest == alone.digest
    assert alone.baseline is not None
    assert found.results[1].digest == alone.baseline.digest
    first, second = (each.trace.requests["arrival"] for each in found.results[:2])
    assert first.tolist() == second.tolist()


def test_a_difference_is_the_mean_of_the_pairs() -> None:
    """By hand: with minus without, replicate by replicate."""
    found = compared("none", "fast: recovery_timeout=500ms")
    pairs = [
        (b.measures.value("answered", "fault") or 0.0)
        - (a.measures.value("answered", "fault") or 0.0)
        for a, b in zip(found.results[0].runs, found.results[1].runs, strict=True)
    ]
    change = found.change(1, "answered", "fault")
    assert change is not None
    assert change.by.mean == pytest.approx(sum(pairs) / 3)
    assert change.more
    assert change.unit is Unit.SHARE


def test_a_variant_means_the_same_wherever_it_stands() -> None:
    """Numbers belong to the variant; only what it is held against changes with the order."""
    there, back = compared("none"), compare(variants("none")[::-1], CompareOptions(3, 1), HERE)
    assert [each.digest for each in there.results] == [each.digest for each in back.results][::-1]
    a, b = there.change(1, "answered"), back.change(1, "answered")
    assert a is not None
    assert b is not None
    assert a.by.mean == pytest.approx(-(b.by.mean or 0.0))


def test_a_breaker_that_hurts_is_said_to() -> None:
    """Nobody reads the headline the wrong way round."""
    found = compared("none")
    first, other = verdicts(found)
    assert first.words == "no breaker is best"
    assert other.words == "better"
    assert "points more answered under the fault" in other.reason


def test_in_time_is_what_was_usual_in_the_first_variant() -> None:
    """One behind which users always wait long is not good by its own measure."""
    slow = "slow: timeout=5s, store.work=1.5s, store.workers=99"
    found = compared(slow, "breaker.failure_threshold=4")
    alone = studies.run(altered(parse_group(slow), small()).scenario, seed=1)
    assert (alone.summary.value("answered", "healthy") or 0.0) > 0.99
    assert found.results[1].summary.value("answered", "healthy") == 0.0
    assert found.results[1].summary.value("success", "healthy") == 1.0
    assert found.best != 1
    words = "answered: ok or from a fallback within 1 s (the least)"
    assert words in as_markdown(compare_document(Answer(found)))
    first = studies.run(small(), seed=1, replicates=3)
    assert found.results[0].summary == first.summary


def test_what_differs_in_nothing_is_told_as_the_same() -> None:
    """Two names for one scenario are no difference, whatever the numbers are."""
    found = compared("same: failure_threshold=3")
    assert sentence(found, 1) == "the same scenario as now"
    assert verdicts(found)[0].words == "no variant answers more than another"


@pytest.mark.parametrize("threshold", [3, 1000])
def test_what_is_alike_in_the_only_run_is_no_difference(threshold: int) -> None:
    """Neither no false trips on both sides is one, nor two breakers that never open."""
    usual, other = (f"failure_threshold={threshold}, store.balance={each}" for each in BALANCES)
    now = Variant("now", altered(parse_group(usual), small()).scenario)
    pair = (now, altered(parse_group(f"other: {other}"), small()))
    found = compare(pair, CompareOptions(1, 1), HERE)
    assert found.results[0].opened == (threshold == 3)
    assert sentence(found, 1) == "no difference in what is answered"


def test_runs_of_other_seeds_are_no_pairs() -> None:
    """A saved run of another seed is compared with wider intervals, and that is said."""
    kept = studies.run(small(), seed=9, replicates=3)
    two = (Variant("now", small()), Variant("old", small(), kept=kept))
    found = compare(two, CompareOptions(3, 1), HERE)
    assert not found.paired
    assert "share no random streams" in verdicts(found)[0].reason
    same = compare(two, CompareOptions(), HERE)
    assert same.paired
    assert same.results[0].digest == kept.digest


def test_an_interval_without_pairs_adds_the_squares_of_both() -> None:
    """Skewed intervals stay skewed: each end has the distances that lie on its way."""
    a = Estimate(1.0, 0.6, 1.2, 5, 0, 1.0)
    b = Estimate(3.0, 2.7, 3.1, 5, 0, 3.0)
    found = apart(a, b)
    assert found.mean == 2.0
    assert found.low == pytest.approx(2.0 - (0.3**2 + 0.2**2) ** 0.5)
    assert found.high == pytest.approx(2.0 + (0.1**2 + 0.4**2) ** 0.5)


def test_conditions_speak_of_others_of_one_and_of_changes() -> None:
    """Undefined is not shown to hold: without a breaker nothing opens, and that fails."""
    found = compared("none")
    texts = (
        "answered < 1%",
        "now: answered{fault} > 99%",
        "change answered{fault} < -1%",
        "none: time_to_trip > 5s",
    )
    results = list(judged(conditions_on(texts, found.variants), found))
    assert [(each.variant, each.good) for each in results] == [
        *((1, True), (0, True), (1, True), (1, False))
    ]
    assert results[2].result.limit == -0.01


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fats: success < 1%", "there is no variant `fats`"),
        ("now: change success < 1%", "is what changes are held against"),
        ("success < -1%", "is negative"),
        ("success ~ 1", "is not a threshold"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(text: str, words: str) -> None:
    """Before anything is run."""
    with pytest.raises(StudyError) as error:
        conditions_on((text,), variants("none"))
    assert words in str(error.value)


def test_one_run_says_that_it_has_no_intervals() -> None:
    """And tells a difference of shares only beyond what counts vary by."""
    found = compared("none", replicates=1)
    assert "one run has no intervals" in verdicts(found)[0].reason
    assert compare_document(Answer(found)).title.endswith("one run each")


def test_a_name_chooses_no_path(tmp_path: Path) -> None:
    """Directories of variants are numbered."""
    from simcb.views.saved_runs import kept_runs
    from simcb.views.study_files import write_comparison

    found = compare(
        (Variant("../../[red]x\x1b[1m", small()), Variant("=1+1", small().without_breakers())),
        CompareOptions(1, 1),
        HERE,
    )
    write_comparison(Answer(found), tmp_path / "out")
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [
        *("compare.png", "summary.json", "variant-1", "variant-2")
    ]
    first = str(tmp_path / "out" / "variant-1")
    assert kept_runs([first])[first].digest == found.results[0].digest
    with pytest.raises(StudyError, match="holds a comparison"):
        kept_runs([str(tmp_path / "out")])


def test_a_fault_under_which_nobody_asks_is_no_difference() -> None:
    """As many answers with and without a breaker prove nothing then, and that is said."""
    rate = [{"at": "0s", "rate": "20/s"}, {"at": "4s", "rate": "0/s"}]
    quiet = small().with_({"arrivals.rate": rate})
    other = altered(parse_group("failure_threshold=4"), quiet)
    found = compare((Variant("now", quiet), other), CompareOptions(2, 1), HERE)
    assert "; no request shows what the fault does" in verdicts(found)[0].reason
    assert "no request shows" not in verdicts(compared("failure_threshold=4"))[0].reason
