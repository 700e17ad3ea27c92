"""The code of client groups in studies that are made in several processes.

Each of them loads it by its name, anew for each run, so what a run gives depends on no other.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from simcb.scenario import Scenario
from simcb.scenario.axes import Axis
from simcb.scenario.model import ROOT
from simcb.scenario.paths import find_place
from simcb.scenario.refusal import Refused, choice_remedy, quoted
from simcb.scenario.sweep import is_policy
from simcb.scenario.units import Value, quantity_of
from simcb.scenario.validation import tree_of
from simcb.scenario.writer import flow
from simcb.studies.run import Clients, Run, StudyError, run_once

CODE = "client."
"""What the paths of code begin with: `client.GROUP` and, of its arguments, `client.GROUP.NAME`."""


def named_clients(clients: Clients | None) -> dict[str, str]:
    """Return the code of client groups as `module:function` each, with arguments if it has any.

    Raises:
        StudyError: a function cannot be found by its name in a module.
        ClientError: a text names no function, or an argument is no literal.
    """
    from simcb.world.code.naming import name_of, parts_of

    named = {
        group: source if isinstance(source, str) else name_of(source, partial(_name_of, group))
        for group, source in (clients or {}).items()
    }
    return {group: str(parts_of(text)) for group, text in named.items()}


def _name_of(group: str, function: Callable[..., object]) -> str:
    module = getattr(function, "__module__", None) or ""
    name = getattr(function, "__qualname__", "")
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not function or module == "__main__":
        what = f"the code of {group} cannot be found by a name in a module"
        remedy = "write it into a file and give `module:function`: other processes load it too"
        raise StudyError(what, remedy)
    return f"{module}:{name}"


def is_code(path: str) -> bool:
    """Tell whether a path leads to client code, and not into a scenario."""
    return path.startswith(CODE)


def without_code(changes: Mapping[str, object]) -> dict[str, object]:
    """Return the changes that a scenario takes."""
    return {path: value for path, value in changes.items() if not is_code(path)}


def with_code(clients: Mapping[str, str], changes: Mapping[str, object]) -> dict[str, str]:
    """Return the code of client groups after changes: other functions, then other arguments.

    A quantity, such as `500ms` or `10%`, is given as a number: seconds, or a share.

    Raises:
        StudyError: there is no such group, or none whose argument it could be.
        ClientError: a text names no function.
    """
    from simcb.world.code.naming import parts_of

    code = dict(clients)
    places = [(*_place_of(path, clients, changes), value) for path, value in changes.items()]
    for group, argument, value in sorted(places, key=lambda place: bool(place[1])):
        if argument:
            code[group] = str(parts_of(code[group]).with_argument(argument, _number(value)))
        elif group:
            code[group] = str(parts_of(str(value)))
    return code


def _place_of(path: str, clients: Mapping[str, str], changes: Iterable[str]) -> tuple[str, str]:
    """Return the group and the argument of a path, "" for one that leads elsewhere."""
    if not is_code(path):
        return "", ""
    whole = path.removeprefix(CODE)
    group, _, argument = whole.rpartition(".")
    if not group:
        return whole, ""
    if group in clients or CODE + group in changes:
        return group, argument
    what = f"{quoted(path)} is an argument of {quoted(group)}, a group without code"
    raise StudyError(what, choice_remedy(group, clients) if clients else _GIVE)


def check_code(path: str, clients: Mapping[str, str]) -> tuple[str, str]:
    """Return the group, and the argument or "", of an axis of code.

    Raises:
        StudyError: the group has no code.
    """
    group, argument = _place_of(path, clients, ())
    if group not in clients:
        what = f"{quoted(path)} varies the code of {quoted(group)}, which has none"
        raise StudyError(what, choice_remedy(group, clients) if clients else _GIVE)
    return group, argument


_GIVE = 'give its code, as in `--client shop=module:make` or `clients={"shop": make}`'


def _number(value: object) -> object:
    amount = quantity_of(value) if isinstance(value, str) else None
    return value if amount is None else amount.number


def at(clients: Mapping[str, str], path: str) -> Value | None:
    """Return what code has at a path, as an axis has it; None if it does not say."""
    from simcb.world.code.naming import parts_of

    group, argument = _place_of(path, clients, ())
    text = clients.get(group)
    if text is None or not argument:
        return text
    value = parts_of(text).arguments.get(argument)
    if value is None or isinstance(value, bool):
        return {None: None, True: "true", False: "false"}[value]
    return value if isinstance(value, str | int | float) else flow(value)


def examined(clients: Mapping[str, str], axes: Iterable[Axis] = ()) -> tuple[dict[str, str], str]:
    """Load code, and return it with what its varied arguments are otherwise, and its digest.

    The digest identifies the source: the modules with the rest of their packages; what these
    import from elsewhere is not in it. It is "" if there is no code.

    Raises:
        StudyError: an axis varies the code of a group that has none.
        ClientError: code cannot be loaded, or does not take an argument.
    """
    from simcb.world.code.loading import found_by_name, own_modules
    from simcb.world.code.naming import check_argument, default_of, parts_of

    varied = [each for axis in axes for each in axis.each_place if is_code(each.path)]
    texts = {group: [text] for group, text in clients.items()}
    arguments = []
    for axis in varied:
        group, argument = check_code(axis.path, clients)
        if argument:
            arguments.append((group, argument))
        else:
            texts[group] += [str(parts_of(str(value))) for value in axis.values]
    if not clients:
        return {}, ""
    digest, spelt = hashlib.blake2b(digest_size=16), dict(clients)
    with own_modules() as load:
        found = {each: found_by_name(each, load) for some in texts.values() for each in some}
        for group, argument in arguments:
            for text in texts[group]:
                check_argument(parts_of(text), found[text], argument)
            own = parts_of(spelt[group])
            usual = default_of(found[clients[group]], argument)
            if argument not in own.arguments and isinstance(usual, str | int | float):
                spelt[group] = str(own.with_argument(argument, usual))
        for root in sorted({parts_of(text).module.partition(".")[0] for text in found}):
            for name, content in _sources(root):
                digest.update(f"{root}/{name} {len(content)}\n".encode() + content)
    return spelt, digest.hexdigest()


def _sources(root: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each source file of a module or a package."""
    module = sys.modules[root]
    for folder in map(Path, getattr(module, "__path__", ())):
        for file in sorted(folder.rglob("*.py")):
            yield file.relative_to(folder).as_posix(), file.read_bytes()
    if not hasattr(module, "__path__") and getattr(module, "__file__", None):
        yield "", Path(module.__file__ or "").read_bytes()


def check_paths_beside(scenario: Scenario, paths: Iterable[str], clients: Collection[str]) -> None:
    """Check that nothing is varied or set that code of client groups has in its own hands.

    Args:
        scenario: what the paths lead into; of those that lead nowhere others say so.
        paths: what is varied or set.
        clients: the client groups that have code.

    Raises:
        StudyError: one does.
    """
    root = tree_of(scenario)
    for path in paths:
        try:
            keys = find_place(root, ROOT, path).keys
        except Refused:
            continue
        if is_policy(keys) and keys[0] == "clients" and keys[1] in clients:
            what = f"{quoted(path)} is up to the code of {keys[1]}"
            raise StudyError(what, "change what its services or the world do, or the code")


def run_coded(
    clients: Clients, scenario: Scenario, seed: int, replicate: int, *most: int | None
) -> Run:
    """Simulate and measure one replicate, of at most so many events and so many rows."""
    events, rows = most
    return run_once(scenario, seed, replicate, max_events=events, max_rows=rows, clients=clients)
