"""Traces as Jaeger's API and its page give them (`{"data": [{"spans": …}]}`); microseconds."""

from __future__ import annotations

from typing import Any

from simcb.measurements.otlp import PEERS, SINCE
from simcb.measurements.source import Format, Source, Where
from simcb.measurements.values import Measured, Span


def _fits(source: Source) -> bool:
    return '"traceID"' in source.head and ('"spans"' in source.head or '"processID"' in source.head)


def _read(source: Source, where: Where) -> Measured:
    whole = source.mapping(source.json(), "the file")
    traces = whole.get("data", [whole])
    spans = []
    for trace in source.items(traces, "`data`"):
        entry = source.mapping(trace, "a trace")
        processes = source.mapping(entry.get("processes", {}), "`processes`")
        for each in source.items(entry.get("spans", []), "`spans`"):
            span = source.mapping(each, "a span")
            process = span.get("process", processes.get(str(span.get("processID"))))
            service = str(source.mapping(process, "a span's process").get("serviceName", "unknown"))
            found = _span(source, span, service)
            fields = {"service": service, "name": str(span.get("operationName", ""))}
            if where.admits(fields, source.name):
                spans.append(found)
    if not spans:
        raise source.error("has no spans that are meant", "check --where")
    return Measured(spans=tuple(spans))


def _span(source: Source, span: dict[str, Any], service: str) -> Span:
    tags = {
        str(tag.get("key")): tag.get("value")
        for tag in source.items(span.get("tags") or [], "`tags`")
        if isinstance(tag, dict)
    }
    parent = ""
    for reference in source.items(span.get("references") or [], "`references`"):
        if isinstance(reference, dict) and reference.get("refType") == "CHILD_OF":
            parent = str(reference.get("spanID", ""))
    begin = (source.number(span.get("startTime"), "`startTime`") - SINCE / 1e3) / 1e6
    status = str(tags.get("http.status_code", tags.get("http.response.status_code", "")))
    failed = str(tags.get("error", "")).lower() == "true" or tags.get("otel.status_code") == "ERROR"
    return Span(
        trace=str(span.get("traceID", "")),
        identity=str(span.get("spanID", "")),
        parent=parent,
        service=service,
        client=tags.get("span.kind") == "client",
        sends=tags.get("span.kind") == "producer",
        peer=next((str(tags[name]) for name in PEERS if name in tags), ""),
        begin=begin,
        end=begin + source.number(span.get("duration"), "`duration`") / 1e6,
        failed=failed or status.startswith("5"),
    )


FORMAT = Format("Jaeger traces", _fits, _read)
