"""Traces as OpenTelemetry writes them (OTLP JSON): one value, or one a line."""

from __future__ import annotations

from typing import Any

from simcb.measurements.source import Format, Source, Where
from simcb.measurements.values import Measured, Span
from simcb.scenario.refusal import quoted

_CLIENT, _PRODUCER = 3, 4
_KINDS = {"SPAN_KIND_CLIENT": _CLIENT, "SPAN_KIND_PRODUCER": _PRODUCER}
_ERROR = (2, "STATUS_CODE_ERROR")
SINCE = 1_577_836_800 * 10**9  # the year 2020, in nanoseconds
PEERS = ("peer.service", "db.system", "db.system.name", "server.address", "net.peer.name")


def _fits(source: Source) -> bool:
    return '"resourceSpans"' in source.head


def _read(source: Source, where: Where) -> Measured:
    spans = []
    for value in source.json_lines():
        for resource in source.items(
            source.mapping(value, "a line").get("resourceSpans", []), "`resourceSpans`"
        ):
            entry = source.mapping(resource, "a resource")
            service = str(_attributes(source, entry.get("resource")).get("service.name", "unknown"))
            scopes = entry.get("scopeSpans", entry.get("instrumentationLibrarySpans", []))
            for scope in source.items(scopes, "`scopeSpans`"):
                for span in source.items(
                    source.mapping(scope, "a scope").get("spans", []), "`spans`"
                ):
                    found = _span(source, source.mapping(span, "a span"), service)
                    if where.admits(
                        {"service": service, "name": str(span.get("name", ""))}, source.name
                    ):
                        spans.append(found)
    if not spans:
        raise source.error("has no spans that are meant", "check --where")
    return Measured(spans=tuple(spans))


def _span(source: Source, span: dict[str, Any], service: str) -> Span:
    attributes = _attributes(source, span)
    kind = span.get("kind")
    kind = _KINDS.get(kind, kind) if isinstance(kind, str) else kind
    status = span.get("status")
    code = attributes.get("http.response.status_code", attributes.get("http.status_code", 0))
    failed = isinstance(status, dict) and status.get("code") in _ERROR
    return Span(
        trace=str(span.get("traceId", "")),
        identity=str(span.get("spanId", "")),
        parent=str(span.get("parentSpanId", "") or ""),
        service=service,
        client=kind == _CLIENT,
        sends=kind == _PRODUCER,
        peer=next((str(attributes[name]) for name in PEERS if name in attributes), ""),
        begin=_moment(source, span, "startTimeUnixNano"),
        end=_moment(source, span, "endTimeUnixNano"),
        failed=failed or str(code).startswith("5"),
    )


def _moment(source: Source, span: dict[str, Any], name: str) -> float:
    """Return a moment in seconds, of a clock that began late enough to keep nanoseconds."""
    text = str(span.get(name))
    if not text.isdecimal() or len(text) > 20:
        raise source.error(f"has {quoted(text)} as `{name}`", "give the file as it was written")
    return (int(text) - SINCE) / 1e9


def _attributes(source: Source, owner: Any) -> dict[str, Any]:
    """Return the attributes of a span or a resource, their values without their types."""
    listed = owner.get("attributes", []) if isinstance(owner, dict) else []
    found = {}
    for each in source.items(listed, "`attributes`"):
        value = each.get("value") if isinstance(each, dict) else None
        if isinstance(value, dict) and value:
            found[str(each.get("key"))] = next(iter(value.values()))
    return found


FORMAT = Format("OTLP traces", _fits, _read)
