"""The JSON Schema of the scenario file, for editors and other programs.

It is derived from the same shapes as every message, so it cannot fall behind the models.
What only code can check (names that must exist, pairs that must fit) it leaves out.
"""

from __future__ import annotations

import re

from simcb.scenario.judge import ROOT
from simcb.scenario.part import OneAlone, Part
from simcb.scenario.shapes import Entries, Kinds, Leaf, Listing, Object, Shape, Slot, slots

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of a scenario file."""
    definitions: dict[str, object] = {}
    root = _described(ROOT, definitions)
    return {
        "$schema": DIALECT,
        "title": "simcb scenario",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _described(shape: Shape, definitions: dict[str, object]) -> dict[str, object]:
    match shape:
        case Leaf(form):
            return form.described()
        case Entries(item, table):
            return {
                "type": "object",
                "propertyNames": table.names.described(),
                "additionalProperties": _described(item, definitions),
                "minProperties": table.at_least,
                "maxProperties": table.most,
            }
        case Listing(item, brief):
            inner = _described(item, definitions)
            several: dict[str, object] = {"type": "array", "items": inner}
            if isinstance(brief, OneAlone):
                return {"anyOf": [inner, several]}
            if brief is None or not isinstance(item, Object):
                return several
            alone = _described(slots(item.part)[brief.key].shape, definitions)
            return {"anyOf": [alone, several]}
        case Kinds(family):
            members = [_described(Object(part), definitions) for part in family.members.values()]
            short = [family.scalar.described()] if family.scalar else []
            return {"oneOf": [*short, *members]}
        case Object(part):
            return _reference(part, definitions)


def _reference(part: type[Part], definitions: dict[str, object]) -> dict[str, object]:
    """Describe a part once and refer to it; families name their members apart."""
    room = part.__module__.rpartition(".")[2]
    name = f"{room}.{part.__name__}"
    if name not in definitions:
        definitions[name] = {}
        every = slots(part)
        definitions[name] = {
            "type": "object",
            "description": _first_sentence(part.__doc__ or ""),
            "properties": {word: _slot(slot, definitions) for word, slot in every.items()},
            "required": [word for word, slot in every.items() if slot.required],
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{name}"}


def _slot(slot: Slot, definitions: dict[str, object]) -> dict[str, object]:
    described = _described(slot.shape, definitions)
    if slot.optional:
        described = {"anyOf": [described, {"type": "null"}]}
    if slot.field.description:
        described = {**described, "description": slot.field.description}
    return described


def _first_sentence(docstring: str) -> str:
    return re.split(r"\n\s*\n", docstring.strip())[0].replace("\n", " ")
