"""Another program's settings in: what they mean here, as an overlay or a scenario to start from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from simcb.errors import FieldsError
from simcb.exchange.documents import Document, read_document
from simcb.exchange.formats import FORMATS
from simcb.exchange.overlay import comment, overlay_lines, place_of, scenario_lines
from simcb.exchange.policy import Note, Policy, as_name
from simcb.scenario import Scenario, ScenarioError, parse_scenario
from simcb.scenario.problems import Findings
from simcb.scenario.refusal import Refused, choice_remedy, quoted, shown

IMPORTED = tuple(name for name, each in FORMATS.items() if each.read is not None)
"""The names of the formats that can be read."""


class ExchangeError(FieldsError):
    """Settings cannot be read or written as asked.

    Args:
        what: what is wrong.
        remedy: what to give instead.
    """

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"


@dataclass(frozen=True)
class Imported:
    """What a file asks for, by the names it has for what is called.

    Args:
        file: where it was read.
        format: the name of its format, one of `IMPORTED`.
        policies: one for each name, in the file's order.
    """

    file: str
    format: str
    policies: tuple[Policy, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What the file calls them."""
        return tuple(policy.name for policy in self.policies)

    @property
    def notes(self) -> tuple[Note, ...]:
        """All differences of meaning, all that was left out, all guesses."""
        return tuple(note for policy in self.policies for note in policy.notes)

    def only(self, name: str) -> Imported:
        """Return the same with one of the names.

        Raises:
            ExchangeError: there is no such name.
        """
        found = tuple(policy for policy in self.policies if policy.name == name)
        if not found:
            remedy = choice_remedy(name, self.names)
            raise ExchangeError(f"{quoted(name)} is not in {shown(self.file)}", remedy)
        return replace(self, policies=found)

    def overlay(self, call: str = "") -> str:
        """Return an overlay with a comment for every difference, to be laid over with `-f`.

        Args:
            call: the path of the call that a lone policy is laid over, such as `payments` or
                `shop.calls.payments`; "" for what the file calls it.

        Raises:
            ExchangeError: a call is given for several policies.
        """
        if call and len(self.policies) > 1:
            what = f"{shown(self.file)} has settings of several: {', '.join(self.names[:10])}"
            raise ExchangeError(what, "choose one of them")
        lines = [*comment(self._head(), "")]
        policies = self.policies
        if len(policies) > 1:
            for each in (policy for policy in policies if policy.again):
                what = f"{each.name}, line {each.line}: left out, {each.again} stands above it; "
                lines += comment(f"{what}--only {each.name} --on {each.again} writes it", "")
            policies = tuple(policy for policy in policies if not policy.again)
        return "\n".join([*lines, "", *overlay_lines(policies, call)]) + "\n"

    def scenario_text(self, service: str) -> str:
        """Return a scenario to start from, in which a caller asks a service as the file has it.

        Args:
            service: the service; of several policies the one of this name.

        Raises:
            ExchangeError: there are several policies and none has this name.
        """
        one = self if len(self.policies) == 1 else self.only(service)
        about = (
            f"Settings of {one.policies[0].name} from {Path(self.file).name}; the rest are guesses"
        )
        lines = scenario_lines(one.policies[0], as_name(service), f"{shown(about, 200)}.")
        return "\n".join([*comment(self._head(), ""), *lines]) + "\n"

    def scenario(self, service: str) -> Scenario:
        """Return the scenario that `scenario_text` writes."""
        return parse_scenario(self.scenario_text(service))

    def applied_to(self, scenario: Scenario, call: str = "") -> Scenario:
        """Return a scenario with the settings laid over it.

        Raises:
            ScenarioError: a name of the file is no call of the scenario.
        """
        changes = {
            f"{place_of(word, call or policy.name)}.{word}": value
            for policy in self.policies
            for word, value in policy.words.items()
        }
        return scenario.with_(changes)

    def _head(self) -> str:
        title = FORMATS[self.format].title
        return f"From {shown(Path(self.file).name)}, {title}, by simcb import."


def import_settings(
    source: str | Path, *, format: str | None = None, text: str | None = None
) -> Imported:
    """Read another program's settings.

    Args:
        source: the file; or what messages call the text.
        format: the name of its format, one of `IMPORTED`; if None it is found out.
        text: what would be in the file, instead of reading it.

    Raises:
        ScenarioError: the file cannot be read; it holds every problem with its line.
        ExchangeError: nobody knows the format, or nothing of it is in the file.
    """
    findings = Findings()
    document = (
        read_document(source, findings) if text is None else Document(text, str(source), findings)
    )
    name = format or _sniffed(document)
    known = FORMATS.get(name)
    if known is None or known.read is None:
        raise ExchangeError(
            f"{quoted(name)} is no format that is read", choice_remedy(name, IMPORTED)
        )
    policies = _distinct(list(known.read(document)))
    findings.raise_if_any()
    policies = [policy for policy in policies if policy.words or policy.notes]
    if not policies:
        what = f"{shown(document.label)} holds no settings of {known.title}"
        raise ExchangeError(what, "give the file that has them, or another `--from`")
    imported = Imported(document.label, name, tuple(policies))
    for policy in policies:
        _check(imported, policy, findings)
    findings.raise_if_any()
    return imported


def _sniffed(document: Document) -> str:
    for name, each in FORMATS.items():
        if each.recognises is not None and each.recognises(document.text):
            return name
    what = f"{shown(document.label)} looks like none of {', '.join(IMPORTED)}"
    raise ExchangeError(what, "say which it is with `--from`")


def _distinct(policies: Sequence[Policy]) -> list[Policy]:
    """Return the policies, of several with one name the later ones under another."""
    taken: set[str] = set()
    for policy in policies:
        first, number = policy.name, 1
        while policy.name in taken:
            number += 1
            policy.again, policy.name = first, f"{first[:58]}-{number}"
        taken.add(policy.name)
    return list(policies)


def _check(imported: Imported, policy: Policy, findings: Findings) -> None:
    """Note what a scenario does not take of a policy, at the line it comes from."""
    one = replace(imported, policies=(policy,))
    try:
        one.scenario("service")
    except ScenarioError as error:
        for problem in error.problems:
            word = _word_of(problem.path)
            marks = [policy.marks[each] for each in _outward(word) if each in policy.marks]
            mark = marks[0] if marks else next(iter(policy.marks.values()), None)
            if mark is not None:
                findings.add(mark, f"{policy.name}: {word}", Refused(problem.what, problem.remedy))
        if not policy.marks:
            raise


def _word_of(path: str) -> str:
    for head in ("clients.caller.calls.service.", "services.service."):
        path = path.removeprefix(head)
    return path


def _outward(word: str) -> Iterator[str]:
    steps = word.split(".")
    for count in range(len(steps), 0, -1):
        yield ".".join(steps[:count])
