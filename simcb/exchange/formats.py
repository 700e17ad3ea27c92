"""The formats that are imported and exported: a new one is one file and one row here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from simcb.exchange import (
    constructors,
    dapr,
    envoy,
    gobreaker,
    istio,
    nginx,
    opossum,
    polly,
    resilience4j,
    resilience4j_out,
)
from simcb.exchange.calls import Asked, Writing
from simcb.exchange.documents import Document
from simcb.exchange.policy import Policy


@dataclass(frozen=True)
class Format:
    """One format.

    Args:
        title: what it is called in a sentence.
        comment: what begins a comment in it.
        write: writes the settings of some calls.
        recognises: whether a text looks like it; None for what is only exported.
        read: yields what a document asks for.
    """

    title: str
    comment: str
    write: Callable[[Sequence[Asked], Writing], None]
    recognises: Callable[[str], bool] | None = None
    read: Callable[[Document], Iterator[Policy]] | None = None


def _module(title: str, comment: str, module: object) -> Format:
    return Format(title, comment, module.write, module.recognises, module.read)  # type: ignore[attr-defined]


FORMATS: dict[str, Format] = {
    "resilience4j": Format(
        "resilience4j application.yml",
        "#",
        resilience4j_out.write,
        resilience4j.recognises,
        resilience4j.read,
    ),
    "istio": _module("Istio DestinationRule and VirtualService", "#", istio),
    "dapr": _module("Dapr Resiliency", "#", dapr),
    "nginx": _module("nginx upstream", "#", nginx),
    "envoy": _module("Envoy cluster", "#", envoy),
    "gobreaker": _module("gobreaker Settings", "//", gobreaker),
    "opossum": _module("opossum options", "//", opossum),
    "polly": _module("Polly appsettings.json", "//", polly),
    "pybreaker": Format("pybreaker constructor", "#", constructors.write_pybreaker),
    "circuitbreaker": Format("circuitbreaker constructor", "#", constructors.write_circuitbreaker),
    "simcb": Format("simcb.breaker constructor", "#", constructors.write_simcb),
}
"""In the order in which a text is looked at to find out what it is."""
