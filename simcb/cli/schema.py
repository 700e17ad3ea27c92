"""`simcb schema`: the scenario file's JSON Schema, for editors."""

from __future__ import annotations

from simcb.cli.console import emit


def schema() -> None:
    """Print the JSON Schema of the scenario file, for editors and other programs."""
    import json

    from simcb import scenario

    emit(json.dumps(scenario.schema(), indent=2) + "\n")
