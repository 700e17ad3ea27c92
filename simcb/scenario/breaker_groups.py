"""Groups of calls: those of one caller that name the same group have one breaker together.

Its settings stand at the first of them. The others say the name alone, and have the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from simcb.scenario.breakers import Breaker
from simcb.scenario.calls import Call
from simcb.scenario.fields import Named
from simcb.scenario.problems import Finding
from simcb.scenario.refusal import Refused, quoted


def by_breaker(calls: Mapping[str, Call]) -> dict[str, tuple[str, ...]]:
    """Return the calls that each breaker guards, by the call at which its settings stand."""
    found: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    for name, call in calls.items():
        if call.breaker is not None:
            group = call.breaker.group
            head = name if group is None else first.setdefault(group, name)
            found.setdefault(head, []).append(name)
    return {head: tuple(names) for head, names in found.items()}


def grouped(calls: Mapping[str, Call]) -> Mapping[str, Call]:
    """Return a caller's calls, those that name a group alone with the settings of its first."""
    together = {}
    for head, (_, *others) in by_breaker(calls).items():
        settings = calls[head].breaker
        for name in others:
            call = calls[name]
            if settings is not None and call.breaker is not None and not _says_more(call.breaker):
                # Written, it says the name alone again.
                copy = Breaker.model_construct({"group"}, **dict(settings))
                together[name] = call.model_copy(update={"breaker": copy})
    return Named({**calls, **together})


def _says_more(breaker: Breaker) -> bool:
    given = breaker.model_fields_set - {"group"}
    return any(getattr(breaker, word) is not None for word in given)


def group_checks(key: str, caller: str, calls: object) -> Iterator[Finding]:
    """Yield what contradicts itself in the groups of a caller, by its calls as they are written.

    Args:
        key: the word under which the caller stands, `clients` or `services`.
        caller: its name.
        calls: its calls in plain data, of which nothing is sure.
    """
    first: dict[str, str] = {}
    alone: set[str] = set()
    for name, call in calls.items() if isinstance(calls, Mapping) else ():
        breaker = call.get("breaker") if isinstance(call, Mapping) else None
        group = breaker.get("group") if isinstance(breaker, Mapping) else None
        if isinstance(breaker, Mapping) and group is None:
            alone.add(str(name))
        if not isinstance(breaker, Mapping) or not isinstance(group, str):
            continue
        head = first.setdefault(group, str(name))
        for word, value in breaker.items() if head != name else ():
            if word != "group" and value is not None:
                what = f"is a setting of the group {quoted(group)}, whose first call has them all"
                remedy = f"leave it out, or write it at {quoted(head)}"
                place = (key, caller, "calls", str(name), "breaker", str(word))
                yield Finding(place, Refused(what, remedy), at_key=True)
    for group, name in first.items():
        if group in alone:
            what = f"{quoted(group)} is the name of a call that has a breaker of its own"
            place = (key, caller, "calls", name, "breaker", "group")
            yield Finding(place, Refused(what, "give the group another name, or put it in too"))
