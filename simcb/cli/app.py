"""The application: the table of verbs, and how it starts."""

from __future__ import annotations

import gc
import inspect
import os
import sys
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import typer

from simcb.cli import (
    advise,
    compare,
    conformance,
    exchange,
    explain,
    fit,
    league,
    live,
    numbers,
    plot,
    report,
    run,
    scenarios,
    serve,
    sweep,
    tune,
)
from simcb.cli.console import StreamError, complain, emit, open_streams
from simcb.cli.exits import INTERRUPTED, Code, guarded
from simcb.cli.usage import Command, Group
from simcb.version import __version__, is_compiled


@dataclass(frozen=True)
class Verb:
    """One command.

    Args:
        name: the word on the command line.
        function: what it does; its docstring is the help.
        example: a line one can paste, shown at the end of the help.
    """

    name: str
    function: Callable[..., None]
    example: str


VERBS = (
    Verb("run", run.run, "simcb run slow-replica --baseline none --plot slow.png"),
    Verb("compare", compare.compare, "simcb compare slow-replica --with none --with Polly"),
    Verb("league", league.league, "simcb league flaky-payments --only pybreaker --plot league.png"),
    Verb(
        "sweep",
        sweep.sweep,
        "simcb sweep slow-replica --over failure_threshold=3,5,10,20",
    ),
    Verb(
        "tune",
        tune.tune,
        "simcb tune gc-pause flapping --space recovery_timeout=1s..2m@log",
    ),
    Verb("advise", advise.advise, "simcb advise gc-pause"),
    Verb("explain", explain.explain, "simcb explain flaky-payments false-trips"),
    Verb("import", exchange.import_, "simcb import application.yml --out overlay.yaml"),
    Verb("export", exchange.export, "simcb export flaky-payments --to resilience4j"),
    Verb("conformance", conformance.conformance, "simcb conformance pybreaker"),
    Verb("fit", fit.fit, "simcb fit k6.json --service payments --out fitted.yaml"),
    Verb("serve", serve.serve, "simcb serve flaky-payments --for 10m"),
    Verb("live", live.live, "simcb live flaky-payments --scale 6 --plot live.png"),
    Verb("plot", plot.plot, "simcb plot out/ slow.svg"),
    Verb("report", report.report, "simcb report out/ --out outage.html"),
    Verb("metrics", numbers.metrics, "simcb metrics time_to_recover"),
    Verb("validate", numbers.validate, "simcb validate --only gc-pause"),
    Verb("check", scenarios.check, "simcb check my-outage.yaml slow-replica"),
    Verb("init", scenarios.init, "simcb init my-outage.yaml"),
    Verb("schema", scenarios.schema, "simcb schema > simcb.schema.json"),
)

SCENARIO_VERBS = (
    Verb("list", scenarios.list_, "simcb scenarios list"),
    Verb("show", scenarios.show, "simcb scenarios show slow-replica"),
    Verb("copy", scenarios.copy, "simcb scenarios copy slow-replica my-outage.yaml"),
)


def made(verbs: tuple[Verb, ...], about: str, example: str) -> typer.Typer:
    """Return an application with these verbs."""
    app = typer.Typer(
        cls=Group,
        help=about,
        epilog=f"Example: {example}",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for verb in verbs:
        described = app.command(
            verb.name, cls=Command, help=_paragraphs(verb), epilog=f"Example: {verb.example}"
        )
        described(guarded(verb.function))
    return app


def _paragraphs(verb: Verb) -> str:
    """Return the verb's docstring with each paragraph on one line, to be wrapped anew."""
    paragraphs = (inspect.getdoc(verb.function) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _version(wanted: bool) -> None:
    if wanted:
        emit(f"simcb {__version__}{', compiled' if is_compiled() else ''}\n")
        raise typer.Exit


def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    pass


app = made(
    VERBS,
    "Put the circuit breaker you ship through an outage before the outage does.",
    VERBS[0].example,
)
app.callback()(_options)
app.add_typer(
    made(
        SCENARIO_VERBS,
        "The scenarios that come with simcb: list them, show one, copy one.",
        SCENARIO_VERBS[0].example,
    ),
    name="scenarios",
)


def _steady(environment: MutableMapping[str, str]) -> None:
    """Take out of the environment, and put into it, what libraries read and stumble over."""
    # Pydantic would look through every installed package for plugins.
    environment["PYDANTIC_DISABLE_PLUGINS"] = "1"
    # Pictures go to files, so no window system has a say in them.
    environment.pop("MPLBACKEND", None)
    if not environment.get("TERMINAL_WIDTH", "").isdecimal():
        environment.pop("TERMINAL_WIDTH", None)


class _Late(ModuleType):
    """A library that is loaded when something of it is first used.

    Half of the verbs import what computes, and compute nothing.
    """

    def __getattr__(self, name: str) -> object:
        # Whoever imports it from now on gets the library itself.
        if sys.modules[self.__name__] is self:
            del sys.modules[self.__name__]
        library = import_module(self.__name__)
        vars(self).update(vars(library))
        return getattr(library, name)


def start() -> None:
    """Run the application on the process's arguments."""
    open_streams()
    _steady(os.environ)
    # Imports make many objects and hardly any garbage; what simulates collects when it is due.
    gc.set_threshold(50_000)
    sys.modules.setdefault("numpy", _Late("numpy"))
    try:
        app(prog_name="simcb")
    except StreamError as error:
        complain(str(error))
        raise SystemExit(int(Code.WRONG_INPUT)) from None
    except KeyboardInterrupt:
        complain(INTERRUPTED)
        raise SystemExit(int(Code.INTERRUPTED)) from None
