"""Istio's `DestinationRule` and `VirtualService`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from simcb.exchange.calls import Asked, Writing
from simcb.exchange.documents import Document
from simcb.exchange.durations import go_text
from simcb.exchange.mesh import (
    Outliers,
    balance,
    eject,
    ejection_of,
    most_ejected,
    panic_of,
    pool,
    retries,
    retry_conditions,
    skip,
)
from simcb.exchange.parts import Got, Part
from simcb.exchange.policy import NO_CALL, Policy, as_name

_KIND = re.compile(r"[\"']?kind[\"']?\s*:\s*[\"']?(DestinationRule|VirtualService)\b")
_CONNECT = "an attempt has one timeout, `timeout`"
_USUAL_RETRIES = "connect-failure,refused-stream,unavailable,cancelled"


def recognises(text: str) -> bool:
    """Whether a text looks like it."""
    return bool(_KIND.search(text))


def read(document: Document) -> Iterator[Policy]:
    """Yield the policy of every host, of a rule and of the routes to it together."""
    policies: dict[str, Policy] = {}

    def of(host: str, part: Part) -> Policy:
        name = as_name(host.partition(".")[0], "host")
        return policies.setdefault(name, Policy(name, part.at.line if part.at else None))

    for tree in document.trees():
        for root in _items(Part(tree, "", document.findings)):
            kind = root.word("kind").value
            spec = root.part("spec")
            if kind == "DestinationRule":
                _rule(of(spec.word("host", default="host").value, spec), spec)
            elif kind == "VirtualService":
                _routes(spec, of)
    yield from policies.values()


def _items(root: Part) -> list[Part]:
    return root.parts("items") if root.word("kind").value == "List" else [root]


def _rule(policy: Policy, spec: Part) -> None:
    traffic = spec.part("trafficPolicy")
    _traffic(policy, traffic)
    for subset in spec.parts("subsets"):
        inner = subset.part("trafficPolicy")
        name = subset.word("name").value
        if inner:
            policy.say(f"trafficPolicy of subset {name}: left out; a service is one here", inner.at)
    policy.leave(spec, {"host": "", "exportTo": NO_CALL, "workloadSelector": NO_CALL})


def _traffic(policy: Policy, traffic: Part) -> None:
    connections = traffic.part("connectionPool")
    tcp, http = connections.part("tcp"), connections.part("http")
    most = _maybe_whole(tcp, "maxConnections")
    requests = _maybe_whole(http, "http2MaxRequests")
    waiting = http.whole("http1MaxPendingRequests", "httpMaxPendingRequests", default=0)
    if requests is None and most is None and waiting.given:
        policy.say(
            f"{waiting.key} {waiting.value}: left out; how many may wait has no word", waiting
        )
    pool(policy, requests, most, waiting)
    skip(policy, tcp, ("connectTimeout",), _CONNECT)
    skip(policy, http, ("maxRetries",), "retries at once have no limit, `retry.budget` is by share")
    skip(policy, http, ("maxRequestsPerConnection",), "connections are not modelled")
    policy.leave(tcp, dict.fromkeys(("tcpKeepalive", "idleTimeout"), NO_CALL))
    quiet = ("idleTimeout", "h2UpgradePolicy", "useClientProtocol", "http2KeepAlive")
    policy.leave(http, dict.fromkeys(quiet, NO_CALL))
    policy.leave(connections)
    load = traffic.part("loadBalancer")
    balance(policy, load.word("simple"))
    warm_up = load.maybe_duration("warmupDurationSecs")
    warming = load.part("warmup")
    warm_up = warm_up or warming.maybe_duration("duration")
    policy.leave(warming)
    policy.leave(load)
    outliers = traffic.part("outlierDetection")
    if outliers:
        _outliers(policy, outliers, warm_up)
    elif warm_up:
        what = "a warm-up: left out; only a replica with a breaker of its own is known to be back"
        policy.say(what, warm_up)
    policy.leave(traffic, dict.fromkeys(("tls", "tunnel", "proxyProtocol"), NO_CALL))


def _maybe_whole(part: Part, name: str) -> Got[int] | None:
    got = part.whole(name, default=0, most=2**32 - 1)
    return got if got.given else None


def _outliers(policy: Policy, part: Part, warm_up: Got[float] | None) -> None:
    inner = part.part("http")
    part = inner if inner else part
    threshold = part.whole("consecutive5xxErrors", "consecutiveErrors", default=5)
    gateway = part.whole("consecutiveGatewayErrors", default=0)
    if gateway.value and (not threshold.given or not threshold.value):
        what = "only 502, 503 and 504 count there; every error here"
        policy.say(what, gateway, "breaker")
        threshold = gateway
    elif gateway.value:
        policy.say(f"{gateway.key} {gateway.value}: left out; errors are of one kind", gateway)
    base = part.duration("baseEjectionTime", default=30.0)
    found = Outliers(
        threshold,
        base,
        Got(max(300.0, base.value)),
        part.duration("interval", default=10.0),
        part.number("maxEjectionPercent", default=10.0, most=100.0),
        part.number("minHealthPercent", default=0.0, most=100.0),
        warm_up,
    )
    eject(policy, found)
    skip(
        policy,
        part,
        ("consecutiveLocalOriginFailures", "splitExternalLocalOriginErrors"),
        "failures are of one kind here",
    )
    policy.leave(part)


def _routes(spec: Part, of: object) -> None:
    for kind in ("http",):
        for number, route in enumerate(spec.parts(kind)):
            targets = [each.part("destination") for each in route.parts("route")]
            for target in targets:
                host = target.word("host", default="host").value
                policy = of(host, route)  # type: ignore[operator]
                if "retry" in policy.words or "timeout" in policy.words:
                    what = f"http route {number + 1} to it: left out; the first one is taken"
                    policy.say(what, route.at)
                    continue
                _route(policy, route)
            if len(targets) > 1:
                policy.say("weights of a route: left out; a request goes to one service", route.at)


def _route(policy: Policy, route: Part) -> None:
    whole = route.maybe_duration("timeout")
    again = route.part("retries")
    each = again.maybe_duration("perTryTimeout")
    if each:
        policy.set("timeout", max(each.value, 1e-3), each)
        if whole:
            what = (
                f"timeout {whole.value:g} s over all attempts: left out; simcb has no word for it"
            )
            policy.say(what, whole, "timeout")
    elif whole and whole.value:
        what = "it holds for all attempts together there, for each here" if again else ""
        policy.set("timeout", whole.value, whole, what)
    attempts = again.whole("attempts", default=2, most=1000)
    usual = "" if again.has("attempts") else "2 if nothing is said"
    ignored = again.flag("retryIgnorePreviousHosts", default=True)
    retries(policy, attempts, again.word("retryOn", default=_USUAL_RETRIES), ignored)
    policy.say(usual, None, "retry.max_retries")
    skip(
        policy,
        again,
        ("backoff", "retryRemoteLocalities"),
        "simcb has no word for it",
    )
    skip(policy, route, ("fault",), "write it as one of the scenario's `faults`")
    quiet = dict.fromkeys(("headers", "rewrite", "corsPolicy"), NO_CALL)
    which = "every request takes the first route here"
    policy.leave(again)
    policy.leave(route, {**quiet, "name": "", "match": which})


def write(asked: Sequence[Asked], page: Writing) -> None:
    """Write a DestinationRule and a VirtualService for each call."""
    for number, one in enumerate(asked):
        if number:
            page.add("---")
        _head(page, "DestinationRule", one.name)
        page.add(f"  host: {one.name}", "  trafficPolicy:", "    loadBalancer:")
        names = {"least_busy": "LEAST_REQUEST", "random": "RANDOM"}
        page.add(f"      simple: {names.get(one.service.balance.value, 'ROUND_ROBIN')}")
        _write_pool(one, page)
        _write_outliers(one, page)
        if one.call.retry is not None or one.call.timeout is not None:
            page.add("---")
            _head(page, "VirtualService", one.name)
            page.add(f"  hosts: [{one.name}]", "  http:", "    - route:")
            page.add(f"        - destination: {{host: {one.name}}}")
            _write_route(one, page)


def _head(page: Writing, kind: str, name: str) -> None:
    page.add("apiVersion: networking.istio.io/v1", f"kind: {kind}", "metadata:")
    page.add(f"  name: {name}", "spec:")


def _write_pool(asked: Asked, page: Writing) -> None:
    bulkhead = asked.call.bulkhead
    if bulkhead is None:
        return
    page.add("    connectionPool:", "      http:")
    page.add(f"        http2MaxRequests: {bulkhead.most}")
    if bulkhead.max_wait:
        asked.lose("bulkhead.max_wait: left out; a queue there is bounded by its length")
    asked.tell("bulkhead")


def _write_outliers(asked: Asked, page: Writing) -> None:
    found = ejection_of(asked)
    if found is None:
        return
    threshold, base = found
    page.add("    outlierDetection:", f"      consecutive5xxErrors: {threshold}")
    page.add("      interval: 1s", f"      baseEjectionTime: {go_text(max(base, 0.001))}")
    page.add(f"      maxEjectionPercent: {most_ejected(asked)}")
    page.add(f"      minHealthPercent: {panic_of(asked)}")


def _write_route(asked: Asked, page: Writing) -> None:
    call = asked.call
    attempts = asked.retries
    if call.timeout is not None and not attempts:
        page.add(f"      timeout: {go_text(call.timeout)}")
    page.add("      retries:", f"        attempts: {attempts}")
    if attempts and call.timeout is not None:
        page.add(f"        perTryTimeout: {go_text(call.timeout)}")
    if attempts:
        page.add(f"        retryOn: {retry_conditions(asked)}")
        if asked.call.retry is not None and not asked.call.retry.elsewhere:
            page.add("        retryIgnorePreviousHosts: false")
    else:
        asked.tell("retry")
    asked.tell("timeout")
