"""What an advice says, in five lines: what to set, what it is worth, what it costs, how sure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from simcb.metrics import Unit
from simcb.studies.evaluation.contenders import NO_BREAKER, YOURS
from simcb.studies.tune import Contender, TuneResult
from simcb.studies.tune.advise import Advice, Guess
from simcb.views.data import plain
from simcb.views.document import Block, Document, Figure, JsonValue
from simcb.views.files import write_text
from simcb.views.html import card
from simcb.views.quantities import quantity
from simcb.views.safe_text import one_line
from simcb.views.tune import tune_document
from simcb.views.tune_data import changes_with, overlay, stretch
from simcb.views.tune_family import aim_words, day_words, storm_table
from simcb.views.tune_findings import winner_words

_NAMES = {"": "with it", YOURS: "with yours", NO_BREAKER: "without a breaker"}


def advise_document(advice: Advice, *, repeat: str = "") -> Document:
    """Return what an advice says; `repeat` is the command that gives the same again."""
    result = advice.result
    tuned = tune_document(result, repeat=repeat)
    files = {**tuned.files}
    if "best.yaml" in files:
        files["best.yaml"] = lambda path: write_text(path, [advised_overlay(result, repeat)])
    data = tuned.data
    return replace(
        tuned,
        title=f"advice for {one_line(advice.name, 60)}: {tuned.title}",
        findings=tuple(_lines(advice)),
        blocks=_blocks(result, tuned),
        data=lambda: data() | {"guesses": [_object(each) for each in advice.guesses]},
        files=files,
    )


def _blocks(result: TuneResult, tuned: Document) -> tuple[Block, ...]:
    """Return the storms one by one, and what the tune draws; `simcb tune` has all its numbers."""
    figures = tuple(block for block in tuned.blocks if isinstance(block, Figure))
    return (storm_table(result), *figures) if result.check is not None else figures


def advised_overlay(result: TuneResult, repeat: str = "") -> str:
    """Return the file that puts what is advised over a scenario."""
    text = overlay(result, repeat)
    if result.advice == YOURS:
        return "# The file's own setting is as good: nothing is to be set.\n{}\n"
    if result.advice == NO_BREAKER:
        paths = sorted({path.rpartition(".breaker.")[0] for path in _breaker_paths(result)})
        off = "".join(f"{path}.breaker.enabled: false\n".lstrip(".") for path in paths)
        return f"# No breaker is as good as any of {len(result.trials)} settings.\n{off or '{}'}\n"
    return text


def _breaker_paths(result: TuneResult) -> list[str]:
    return [path for path in (f".{each}" for each in result.best) if ".breaker." in path]


def _lines(advice: Advice) -> Iterator[str]:
    result = advice.result
    if result.winner is None or result.check is None:
        yield "there is no advice yet: the search did not come to its end"
        return
    yield _set(result)
    shown = [each for each in result.check.contenders if each.name in _NAMES]
    yield f"where each loses most: {'; '.join(_worst(result, each) for each in shown)}"
    for each in shown:
        if each.name == result.advice and each.day is not None:
            yield f"an ordinary day: {day_words(each.day)}"
    if result.advice in (NO_BREAKER, YOURS):
        yield f"the best of the settings searched: {winner_words(result)}"
    elif result.reach:
        moves = "; ".join(f"{result.label_of(each.axis)} {stretch(each)}" for each in result.reach)
        near = quantity(result.tolerance, Unit.SHARE)
        yield f"how far each may move, within {near}: {moves}"
    yield _guessed(advice.guesses)


def _set(result: TuneResult) -> str:
    if result.advice == NO_BREAKER:
        return "set no breaker: none of the settings is better than having none"
    if result.advice == YOURS:
        return "leave it as it is: none of the settings is better than yours"
    values = winner_words(result)
    return (
        f"set {values}" if result.feasible else f"nothing keeps what has to hold; nearest {values}"
    )


def _worst(result: TuneResult, contender: Contender) -> str:
    """Return in which storm somebody loses most, and what is left there."""
    place = contender.worst_storm
    scenario, found = result.scenarios[place], contender.scenarios[place].aims[0]
    aim = scenario.aims[0]
    name = _NAMES[contender.name]
    if not contender.name and result.advice in (NO_BREAKER, YOURS):
        name = "with the best that was searched"
    return f"{aim_words(found, aim.unit)} {aim} {name} ({one_line(scenario.name, 40)})"


def _guessed(guesses: tuple[Guess, ...]) -> str:
    """Return which numbers of the file decide, and that the others do not."""
    if not guesses:
        return "no number of the file was moved"
    turned = [
        f"{one_line(each.name, 60)} {each.moved} instead of {each.value}: {each.better} is better"
        for each in guesses
        if each.better
    ]
    safe = dict.fromkeys(each.name for each in guesses)
    for each in guesses:
        if each.better:
            safe.pop(each.name, None)
    holds = f"half and double {', '.join(one_line(name, 60) for name in safe)} change nothing"
    if not turned:
        return f"guesses: {holds}"
    more = f"; {holds}" if safe else ""
    return f"guesses that would change it, so measure them: {'; '.join(turned)}{more}"


def _object(guess: Guess) -> JsonValue:
    return {**plain(guess, "name", "value", "moved"), "better": guess.better or None}


@dataclass(frozen=True, repr=False, eq=False)
class AdviceView:
    """An advice as one looks at it in a notebook.

    Args:
        advice: what was found.
    """

    advice: Advice

    @property
    def best(self) -> dict[str, object]:
        """The best of the values searched, by their paths."""
        return changes_with(self.advice.result.best)

    @property
    def lines(self) -> tuple[str, ...]:
        """The advice in five lines."""
        return tuple(_lines(self.advice))

    @property
    def overlay(self) -> str:
        """The overlay with what is advised: write it to a file for `simcb run -f`."""
        return advised_overlay(self.advice.result)

    def __repr__(self) -> str:
        return f"<advice: {self.lines[0]}>"

    def _repr_html_(self) -> str:
        return card(advise_document(self.advice))
