"""Files of every format about one system, whose times and rates are known."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

MILLISECONDS = 1000.0
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


@dataclass(frozen=True)
class Request:
    """One request: when it began, how long it took, in seconds, how it ended, what it asked."""

    begin: float
    seconds: float
    status: int
    path: str


def requests(count: int = 1000, seed: int = 7) -> list[Request]:
    """Requests at 40 a second, of which some fail; times are whole milliseconds."""
    chance, moment, found = random.Random(seed), 1_700_000_000.25, []
    for _ in range(count):
        moment += chance.expovariate(40.0)
        seconds = round(min(chance.lognormvariate(-2.5, 0.7), 3.0), 3)
        status = 500 if chance.random() < 0.03 else 200
        found.append(Request(moment, seconds, status, chance.choice(("/buy", "/buy", "/list"))))
    return found


def percentile(rows: Sequence[Request], share: float) -> float:
    """The seconds that a share of these requests does not exceed."""
    ordered = sorted(row.seconds for row in rows)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def mean(rows: Sequence[Request]) -> float:
    """Their mean time."""
    return sum(row.seconds for row in rows) / len(rows)


def failed(rows: Sequence[Request]) -> float:
    """The share of them that failed."""
    return sum(row.status >= 500 for row in rows) / len(rows)


def span(rows: Sequence[Request]) -> float:
    """How long they came, in seconds."""
    return rows[-1].begin - rows[0].begin


def iso(moment: float) -> str:
    """A moment as ISO 8601 has it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def clf(moment: float) -> str:
    """A moment as a common log has it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def trend(rows: Sequence[Request]) -> dict[str, float]:
    """What k6 says of a time."""
    words = {"min": 0.0, "med": 0.5, "p(90)": 0.9, "p(95)": 0.95, "max": 1.0}
    found = {word: percentile(rows, share) * MILLISECONDS for word, share in words.items()}
    return {"avg": mean(rows) * MILLISECONDS, **found}


def k6_export(rows: Sequence[Request]) -> str:
    """`--summary-export`."""
    bad = sum(row.status >= 500 for row in rows)
    counts = {"passes": bad, "fails": len(rows) - bad, "value": failed(rows)}
    made = {"count": len(rows), "rate": len(rows) / span(rows)}
    metrics = {"http_req_duration": trend(rows), "http_reqs": made, "http_req_failed": counts}
    return json.dumps({"metrics": metrics, "root_group": {"name": ""}}, indent=4)


def k6_handled(rows: Sequence[Request]) -> str:
    """The data of `handleSummary`."""
    good = [row for row in rows if row.status < 500]
    metrics = {
        "http_req_duration": {"type": "trend", "contains": "time", "values": trend(rows)},
        "http_req_duration{expected_response:true}": {"type": "trend", "values": trend(good)},
        "http_reqs": {"values": {"count": len(rows), "rate": len(rows) / span(rows)}},
        "http_req_failed": {"type": "rate", "values": {"rate": failed(rows)}},
        "vus_max": {"type": "gauge", "values": {"value": 12, "min": 12, "max": 12}},
    }
    return json.dumps({"metrics": metrics, "state": {"testRunDurationMs": 1.0}})


def k6_csv(rows: Sequence[Request]) -> str:
    """`--out csv=`: several rows for each request."""
    lines = [
        "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,"
        "name,proto,scenario,service,status,subproto,tls_version,url,extra_tags,metadata"
    ]
    for row in rows:
        good = "true" if row.status < 500 else "false"
        rest = f",,,,{good},,GET,{row.path},HTTP/1.1,default,,{row.status},,,{row.path},,"
        took = row.seconds * MILLISECONDS
        values = {"http_reqs": 1, "http_req_duration": took, "http_req_blocked": 0.1}
        ended = int(row.begin + row.seconds)
        lines += [f"{name},{ended},{value:.6f}{rest}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def vegeta_json(rows: Sequence[Request]) -> str:
    """`vegeta encode`."""
    return "".join(
        json.dumps(
            {
                "attack": "",
                "seq": number,
                "code": row.status,
                "timestamp": iso(row.begin),
                "latency": round(row.seconds * 1e9),
                "bytes_out": 0,
                "bytes_in": 2,
                "error": "",
                "body": "aGk=",
                "method": "GET",
                "url": row.path,
                "headers": {},
            }
        )
        + "\n"
        for number, row in enumerate(rows)
    )


def vegeta_csv(rows: Sequence[Request]) -> str:
    """`vegeta encode --to csv`."""
    return "".join(
        f"{int(row.begin * 1e9)},{row.status},{round(row.seconds * 1e9)},0,2,,aGk=,,{number},"
        f"GET,{row.path},\n"
        for number, row in enumerate(rows)
    )


def vegeta_report(rows: Sequence[Request]) -> str:
    """`vegeta report -type=json`."""
    shares = {"50th": 0.5, "90th": 0.9, "95th": 0.95, "99th": 0.99, "max": 1.0, "min": 0.0}
    times = {word: round(percentile(rows, share) * 1e9) for word, share in shares.items()}
    bad = sum(row.status >= 500 for row in rows)
    return json.dumps(
        {
            "latencies": {"total": 1, "mean": round(mean(rows) * 1e9), **times},
            "duration": round(span(rows) * 1e9),
            "requests": len(rows),
            "rate": len(rows) / span(rows),
            "success": 1.0 - failed(rows),
            "status_codes": {"200": len(rows) - bad, "500": bad},
        }
    )


def vegeta_text(rows: Sequence[Request]) -> str:
    """`vegeta report`."""
    times = ", ".join(f"{percentile(rows, q) * 1000:.3f}ms" for q in (0.5, 0.9, 0.95, 0.99))
    bad = sum(row.status >= 500 for row in rows)
    rate, took = len(rows) / span(rows), f"{span(rows):.3f}s"
    return f"""\
Requests      [total, rate, throughput]         {len(rows)}, {rate:.2f}, {rate:.2f}
Duration      [total, attack, wait]             {took}, {took}, 1.5ms
Latencies     [min, mean, 50, 90, 95, 99, max]  {percentile(rows, 0.0) * 1e6:.1f}µs, \
{mean(rows) * 1000:.4f}ms, {times}, {percentile(rows, 1.0):.3f}s
Bytes In      [total, mean]                     2000, 2.00
Success       [ratio]                           {100 * (1 - failed(rows)):.2f}%
Status Codes  [code:count]                      200:{len(rows) - bad}  500:{bad}
Error Set:
500 Internal Server Error
"""


def _locust_row(rows: Sequence[Request], kind: str, name: str) -> str:
    shares = (0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0)
    rounded = ",".join(f"{float(f'{percentile(rows, q) * 1000:.2g}'):g}" for q in shares)
    bad, rate = sum(row.status >= 500 for row in rows), len(rows) / span(rows)
    low, high = percentile(rows, 0.0) * 1000, percentile(rows, 1.0) * 1000
    return (
        f"{kind},{name},{len(rows)},{bad},80,{mean(rows) * 1000},{low},{high},2.0,{rate},"
        f"{rate * bad / len(rows)},{rounded}\n"
    )


def locust_stats(rows: Sequence[Request]) -> str:
    """`_stats.csv`: a row for each name, and one for all together."""
    head = (
        "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,"
        "Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,"
        "75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%\n"
    )
    paths = [_locust_row([r for r in rows if r.path == p], "GET", p) for p in ("/buy", "/list")]
    return head + "".join(paths) + _locust_row(rows, "", "Aggregated")


def locust_history(rows: Sequence[Request]) -> str:
    """`_stats_history.csv`: rates that rise to 40 a second."""
    head = "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,Total Request Count,"
    head += "Total Failure Count,Total Average Response Time\n"
    return head + "".join(
        f"{1_700_000_000 + n},10,,Aggregated,{min(40, 4 * n)}.0,1.2,{'N/A' if n == 0 else 80},"
        f"{40 * n},{n},90.0\n"
        for n in range(60)
    )


def hgrm(rows: Sequence[Request]) -> str:
    """What HdrHistogram and wrk2 print."""
    shares = [n / 100 for n in range(100)] + [0.995, 0.999, 1.0]
    lines = ["       Value     Percentile   TotalCount 1/(1-Percentile)", ""]
    for share in shares:
        inverse = f"{1 / (1 - share):14.2f}" if share < 1 else "           inf"
        count = max(1, int(share * len(rows)))
        lines.append(f"{percentile(rows, share) * 1000:12.3f}{share:15.6f}{count:11d}{inverse}")
    lines += [
        f"#[Mean    = {mean(rows) * 1000:12.3f}, StdDeviation   =       10.000]",
        f"#[Max     = {percentile(rows, 1.0) * 1000:12.3f}, Total count    = {len(rows):12d}]",
        "#[Buckets =           27, SubBuckets     =         2048]",
    ]
    return "\n".join(lines) + "\n"


def prometheus_text(rows: Sequence[Request]) -> str:
    """A scrape."""
    name = "http_request_duration_seconds"
    lines = [f"# HELP {name} How long.", f"# TYPE {name} histogram"]
    for code in (200, 500):
        mine = [row.seconds for row in rows if row.status == code]
        for bound in BOUNDS:
            upto = sum(seconds <= bound for seconds in mine)
            lines.append(f'{name}_bucket{{code="{code}",le="{bound}"}} {upto}')
        lines.append(f'{name}_bucket{{code="{code}",le="+Inf"}} {len(mine)}')
        lines.append(f'{name}_sum{{code="{code}"}} {sum(mine)}')
        lines.append(f'{name}_count{{code="{code}"}} {len(mine)}')
    lines.append('process_cpu_usage{host="a b",note="x\\"y"} 0.5 1700000000000')
    return "\n".join(lines) + "\n"


def prometheus_query(rows: Sequence[Request]) -> str:
    """A range of a histogram's counters, which began anew once."""
    series = []
    for bound in (*map(str, BOUNDS), "+Inf"):
        count = sum(row.seconds <= float(bound) for row in rows)
        values = [[1_700_000_000 + 60 * k, str(count * k)] for k in (1, 2, 3)]
        values.append([1_700_000_240, str(count)])
        labels = {"__name__": "http_request_duration_seconds_bucket", "le": bound}
        series.append({"metric": labels, "values": values})
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}})


def nginx(rows: Sequence[Request]) -> str:
    """The combined format with `$request_time $upstream_response_time` behind it."""
    return "".join(
        f'10.0.0.1 - - [{clf(r.begin + r.seconds)}] "GET {r.path}?q=1.234 HTTP/1.1" {r.status} 51 '
        f'"-" "agent/1.0 (X11; v 2.000)" {r.seconds + 0.001:.3f} {r.seconds:.3f}\n'
        for r in rows
    )


def nginx_keyed(rows: Sequence[Request]) -> str:
    """Times with a word before each, of two upstreams for one request in ten."""
    lines = []
    for number, r in enumerate(rows):
        upstream = f"{r.seconds:.3f}" if number % 10 else f"1.000, {r.seconds:.3f}"
        lines.append(
            f'10.0.0.1 - - [{clf(r.begin + r.seconds)}] "GET {r.path} HTTP/1.1" {r.status} 51 "-" '
            f'"agent" "-" rt={r.seconds + 0.001:.3f} uct="0.001" uht="0.002" urt="{upstream}"\n'
        )
    return "".join(lines)


def ingress(rows: Sequence[Request]) -> str:
    """The format of ingress-nginx."""
    return "".join(
        f'10.0.0.1 - - [{clf(r.begin + r.seconds)}] "GET {r.path} HTTP/1.1" {r.status} 51 "-" '
        f'"agent" 420 {r.seconds + 0.001:.3f} [shop-80] [] 10.1.0.5:8080 51 {r.seconds:.3f} '
        f"{r.status} {number:032x}\n"
        for number, r in enumerate(rows)
    )


def nginx_json(rows: Sequence[Request]) -> str:
    """A log_format of JSON."""
    return "".join(
        json.dumps(
            {
                "time_iso8601": iso(r.begin + r.seconds),
                "status": str(r.status),
                "path": r.path,
                "request_time": f"{r.seconds + 0.001:.3f}",
                "upstream_response_time": f"{r.seconds:.3f}",
            }
        )
        + "\n"
        for r in rows
    )


def envoy(rows: Sequence[Request]) -> str:
    """Envoy's default format."""
    return "".join(_envoy(number, row, "") for number, row in enumerate(rows))


def istio(rows: Sequence[Request]) -> str:
    """Istio's format, with a row of each request on its way in and one on its way out."""
    sides = ("inbound", "outbound")
    return "".join(_envoy(n, row, side) for n, row in enumerate(rows) for side in sides)


def _envoy(number: int, row: Request, side: str) -> str:
    details = ' via_upstream - "-"' if side else ""
    cluster = f" {side}|8080||shop 10.0.0.1:1 10.0.0.2:2 10.0.0.3:3 - default" if side else ""
    took = round(row.seconds * 1000)
    return (
        f'[{iso(row.begin)}] "GET {row.path} HTTP/1.1" {row.status} -{details} 0 51 {took + 1} '
        f'{took} "-" "agent" "{number:08x}-id" "shop" "10.1.0.5:8080"{cluster}\n'
    )


def envoy_json(rows: Sequence[Request]) -> str:
    """Envoy's log as JSON."""
    return "".join(
        json.dumps(
            {
                "start_time": iso(r.begin),
                "path": r.path,
                "response_code": r.status,
                "duration": round(r.seconds * 1000) + 1,
                "request_id": f"{number:08x}",
                "upstream_service_time": str(round(r.seconds * 1000)),
            }
        )
        + "\n"
        for number, r in enumerate(rows)
    )


@dataclass(frozen=True)
class Part:
    """A span: of which service, what kind, under which other, from when to when (ns)."""

    service: str
    kind: str
    number: int
    parent: int
    begin: int
    end: int
    status: int = 200
    peer: str = ""


def parts(row: Request) -> list[Part]:
    """A shop that works 10 ms, asks payments, 2 ms away, works 1 ms and asks a database, 5 ms."""
    at, ms, paid = round(row.begin * 1e9), 10**6, round(row.seconds * 1e9)
    return [
        Part("shop", "server", 1, 0, at, at + paid + 24 * ms),
        Part("shop", "client", 2, 1, at + 10 * ms, at + paid + 14 * ms),
        Part("payments", "server", 3, 2, at + 12 * ms, at + paid + 12 * ms, row.status),
        Part("shop", "client", 4, 1, at + paid + 15 * ms, at + paid + 20 * ms, peer="postgresql"),
    ]


def otlp(rows: Sequence[Request]) -> str:
    """Traces of OpenTelemetry, one value a line."""
    lines = []
    for number, row in enumerate(rows):
        for part in parts(row):
            peer = [{"key": "db.system", "value": {"stringValue": part.peer}}] if part.peer else []
            span_ = {
                "traceId": f"{number:032x}",
                "spanId": f"{part.number:016x}",
                "name": "work",
                "parentSpanId": f"{part.parent:016x}" if part.parent else "",
                "kind": {"server": 2, "client": 3}[part.kind],
                "attributes": peer,
                "startTimeUnixNano": str(part.begin),
                "endTimeUnixNano": str(part.end),
                "status": {"code": 2} if part.status >= 500 else {},
            }
            name = {"key": "service.name", "value": {"stringValue": part.service}}
            scope = [{"scope": {}, "spans": [span_]}]
            resource = {"resource": {"attributes": [name]}, "scopeSpans": scope}
            lines.append(json.dumps({"resourceSpans": [resource]}))
    return "\n".join(lines) + "\n"


def jaeger(rows: Sequence[Request]) -> str:
    """The same traces as Jaeger has them."""
    found = []
    for number, row in enumerate(rows):
        trace, spans = f"{number:032x}", []
        for part in parts(row):
            tags = [{"key": "span.kind", "value": part.kind}]
            tags += [{"key": "db.system", "value": part.peer}] if part.peer else []
            tags += [{"key": "error", "type": "bool", "value": True}] if part.status >= 500 else []
            above = {"refType": "CHILD_OF", "traceID": trace, "spanID": f"{part.parent:016x}"}
            spans.append(
                {
                    "traceID": trace,
                    "spanID": f"{part.number:016x}",
                    "operationName": "work",
                    "references": [above] if part.parent else [],
                    "processID": part.service,
                    "startTime": part.begin // 1000,
                    "tags": tags,
                    "duration": (part.end - part.begin) // 1000,
                }
            )
        names = {name: {"serviceName": name} for name in ("shop", "payments")}
        found.append({"traceID": trace, "spans": spans, "processes": names})
    return json.dumps({"data": found})


def plain_csv(rows: Sequence[Request]) -> str:
    """A request a row, as people write it themselves."""
    lines = [f"{row.begin:.3f},{row.seconds * 1000:.1f},{row.status},{row.path}" for row in rows]
    return "\n".join(["timestamp,latency_ms,status,path", *lines]) + "\n"


LOGS: dict[str, tuple[str, Callable[[Sequence[Request]], str]]] = {
    "k6.csv": ("k6 CSV", k6_csv),
    "vegeta.json": ("vegeta JSON", vegeta_json),
    "vegeta.csv": ("vegeta CSV", vegeta_csv),
    "nginx.log": ("nginx access log", nginx),
    "nginx-keyed.log": ("nginx access log", nginx_keyed),
    "ingress.log": ("nginx access log", ingress),
    "nginx.jsonl": ("JSON access log", nginx_json),
    "envoy.log": ("Envoy access log", envoy),
    "istio.log": ("Envoy access log", istio),
    "envoy.jsonl": ("JSON access log", envoy_json),
    "plain.csv": ("CSV of requests", plain_csv),
}
"""Requests one by one: what a file is called, its format, and what writes it."""

SUMMARIES: dict[str, tuple[str, Callable[[Sequence[Request]], str]]] = {
    "k6.json": ("k6 summary", k6_export),
    "k6-handled.json": ("k6 summary", k6_handled),
    "vegeta-report.json": ("vegeta report (JSON)", vegeta_report),
    "vegeta-report.txt": ("vegeta report (text)", vegeta_text),
    "locust_stats.csv": ("Locust stats", locust_stats),
    "wrk2.hgrm": ("HdrHistogram", hgrm),
    "metrics.prom": ("Prometheus text", prometheus_text),
    "query.json": ("Prometheus query", prometheus_query),
}
"""Percentiles or buckets."""

OTHERS: dict[str, tuple[str, Callable[[Sequence[Request]], str]]] = {
    "locust_stats_history.csv": ("Locust history", locust_history),
    "otlp.json": ("OTLP traces", otlp),
    "jaeger.json": ("Jaeger traces", jaeger),
}
"""Rates, and traces."""
