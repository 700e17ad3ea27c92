"""What a compiler is told of the world's and the breaker's classes is what their sources say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import simcb

HOUSE = Path(simcb.__file__).parent
ALL = sorted([*HOUSE.glob("breaker/*.pxd"), *HOUSE.glob("world/*.pxd")])
DECLARED = [path for path in ALL if not path.with_suffix(".pyx").exists()]


def _declarations() -> dict[str, tuple[str, set[str]]]:
    """Return the base and the attributes and methods of every declared class."""
    found: dict[str, tuple[str, set[str]]] = {}
    for path in ALL:
        for block in re.split(r"^cdef class ", path.read_text(), flags=re.M)[1:]:
            head, _, body = block.partition("\n")
            if head.endswith(":"):
                name, _, base = head.rstrip(":").rstrip(")").partition("(")
                words = re.findall(r"^    c(?:p?)def .*?(\w+)(?:\(.*)?$", body, flags=re.M)
                found[name] = base, set(words)
    return found


def _known(name: str, declared: dict[str, tuple[str, set[str]]]) -> set[str]:
    base, words = declared.get(name, ("", set()))
    return words | (_known(base, declared) if base else set())


@pytest.mark.parametrize("path", DECLARED, ids=[path.stem for path in DECLARED])
def test_every_attribute_of_a_compiled_class_is_declared(path: Path) -> None:
    """A compiled class has no place for an attribute that its `.pxd` does not know."""
    declared = _declarations()
    for node in ast.parse(path.with_suffix(".py").read_text()).body:
        if not isinstance(node, ast.ClassDef) or node.name not in declared:
            continue
        stored = {
            each.attr
            for each in ast.walk(node)
            if isinstance(each, ast.Attribute)
            and isinstance(each.ctx, ast.Store)
            and isinstance(each.value, ast.Name)
            and each.value.id == "self"
        }
        slots = {
            name
            for each in node.body
            if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__slots__"
            for name in ast.literal_eval(each.value)
        }
        missing = (stored | slots) - _known(node.name, declared)
        assert not missing, f"declare {sorted(missing)} of {node.name} in {path.name}"


@pytest.mark.parametrize("path", DECLARED, ids=[path.stem for path in DECLARED])
def test_every_declared_method_has_its_arguments(path: Path) -> None:
    """A method of a `.pxd` is there in the source, with as many arguments."""
    source = ast.parse(path.with_suffix(".py").read_text())
    defined = {
        (owner.name, each.name): len(each.args.args)
        for owner in source.body
        if isinstance(owner, ast.ClassDef)
        for each in owner.body
        if isinstance(each, ast.FunctionDef)
    }
    for block in re.split(r"^cdef class ", path.read_text(), flags=re.M)[1:]:
        owner = re.match(r"\w+", block)
        assert owner is not None
        for name, arguments in re.findall(
            r"^    cpdef .*?(\w+)\((.*?)\)", block, flags=re.M | re.S
        ):
            expected = defined.get((owner[0], name))
            assert expected == len(arguments.split(",")), f"{owner[0]}.{name} in {path.name}"
