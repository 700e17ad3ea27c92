"""Envoy's clusters, and the retry policies of the routes to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simcb.exchange.calls import Asked, Writing, percent
from simcb.exchange.documents import Document
from simcb.exchange.durations import proto_text
from simcb.exchange.mesh import (
    Outliers,
    balance,
    eject,
    ejection_of,
    limit_retries,
    most_ejected,
    panic_of,
    pool,
    retries,
    retry_conditions,
    skip,
)
from simcb.exchange.parts import Got, Part
from simcb.exchange.policy import NO_CALL, Policy, as_name
from simcb.scenario.calls import MOST_HEDGES
from simcb.scenario.problems import Mark
from simcb.scenario.retries import Concurrent
from simcb.scenario.tree import Entry, Items, Node, Tree

_WORDS = ("outlier_detection", "circuit_breakers", "lb_policy", "outlierDetection", "lbPolicy")
_QUIET = {
    **dict.fromkeys(("name", "@type", "load_assignment", "hosts", "common_lb_config"), ""),
    **dict.fromkeys(("alt_stat_name", "type", "dns_lookup_family", "dns_refresh_rate"), NO_CALL),
    **dict.fromkeys(("transport_socket", "typed_extension_protocol_options"), NO_CALL),
    **dict.fromkeys(("http2_protocol_options", "upstream_connection_options"), NO_CALL),
    **dict.fromkeys(("metadata", "eds_cluster_config", "respect_dns_ttl"), NO_CALL),
    "cleanup_interval": NO_CALL,
    "health_checks": "only calls tell how a replica is",
}


def recognises(text: str) -> bool:
    """Whether a text looks like it."""
    return any(word in text for word in (*_WORDS, "static_resources", "connect_timeout"))


def read(document: Document) -> Iterator[Policy]:
    """Yield the policy of every cluster, with that of the first route to it."""
    for tree in document.trees():
        policies: dict[str, Policy] = {}
        budgets: dict[str, _Budget] = {}
        for cluster in _clusters(tree):
            part = Part(cluster, "cluster", document.findings)
            name = as_name(part.word("name", default="cluster").value, "cluster")
            policies[name] = _cluster(Policy(name, cluster.mark.line), part, name, budgets)
        for route in _routes(tree):
            part = Part(route, "route", document.findings)
            name = as_name(part.word("cluster").value, "cluster")
            if name in policies and "retry" not in policies[name].words:
                _route(policies[name], part)
        for name, policy in policies.items():
            if name in budgets:
                limit_retries(policy, *budgets[name])
        yield from policies.values()


def _everything(node: Node) -> Iterator[Tree]:
    waiting: list[Node] = [node]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, Tree):
            yield one
            waiting += [entry.node for entry in one.entries.values()]
        elif isinstance(one, Items):
            waiting += one.items


def _clusters(tree: Tree) -> Iterator[Tree]:
    for one in _everything(tree):
        listed = any(_is_cluster(key, entry) for key, entry in one.entries.items())
        if listed:
            for key in ("clusters", "resources"):
                node = one.get(key)
                yield from (
                    (n for n in node.items if isinstance(n, Tree))
                    if isinstance(node, Items)
                    else ()
                )
        elif one is tree and any(word in one.entries for word in (*_WORDS, "connect_timeout")):
            yield one


def _is_cluster(key: str, entry: Entry) -> bool:
    return key in ("clusters", "resources") and isinstance(entry.node, Items)


def _routes(tree: Tree) -> Iterator[Tree]:
    for one in _everything(tree):
        if "cluster" in one.entries and ("retry_policy" in one.entries or "timeout" in one.entries):
            yield one


def _cluster(policy: Policy, part: Part, name: str, budgets: dict[str, _Budget]) -> Policy:
    balance(policy, part.word("lb_policy"))
    skip(policy, part, ("connect_timeout",), "an attempt has one timeout, `timeout`")
    hosts = sum(
        isinstance(one.get("endpoint"), Tree) for one in _everything(_node(part, "load_assignment"))
    )
    if hosts:
        policy.set("replicas", hosts)
    for budget in _pools(policy, part.part("circuit_breakers")):
        budgets[name] = budget
    outliers = part.part("outlier_detection")
    if outliers or part.has("outlier_detection"):
        common = part.part("common_lb_config")
        panic = common.part("healthy_panic_threshold")
        warm_up = _warm_up(policy, part)
        _outliers(policy, outliers, panic.number("value", default=50.0, most=100.0), warm_up)
    policy.leave(part, _QUIET)
    return policy


def _warm_up(policy: Policy, part: Part) -> Got[float] | None:
    """Return how long a host gets a growing share, if it does."""
    for name in ("round_robin_lb_config", "least_request_lb_config"):
        slow_start = part.part(name).part("slow_start_config")
        found = slow_start.maybe_duration("slow_start_window")
        policy.leave(slow_start)
        if found is not None:
            return found
    return None


def _node(part: Part, name: str) -> Node:
    found = part.entry(name)
    return found[1].node if found else Items((), part.at) if part.at else _NOTHING


_Budget = tuple[float, Got[int], "Got[float] | Mark"]
"""The share of retries, how many there may be in any case, and where that stands."""


def _pools(policy: Policy, part: Part) -> Iterator[_Budget]:
    """Set the bulkhead, and yield the budget of retries."""
    for limits in part.parts("thresholds"):
        if limits.word("priority", default="DEFAULT").value.upper() != "DEFAULT":
            policy.say("thresholds of priority HIGH: left out; requests are alike here", limits.at)
            continue
        requests = limits.whole("max_requests", default=1024, most=2**32 - 1)
        connections = limits.whole("max_connections", default=1024, most=2**32 - 1)
        pending = limits.whole("max_pending_requests", default=1024, most=2**32 - 1)
        smaller = connections if connections.value < requests.value else requests
        pool(policy, smaller if smaller is requests else None, connections, pending)
        budget = limits.part("retry_budget")
        most = limits.whole("max_retries", default=3, most=1_000_000)
        at = limits.at
        if budget:
            part_of = budget.part("budget_percent").number("value", default=20.0, most=100.0)
            least = budget.whole("min_retry_concurrency", default=3, most=1_000_000)
            yield part_of.value / 100.0, least, part_of
            policy.leave(budget)
        elif at is not None:
            yield 0.0, most, most.at or at
        policy.leave(limits, {"track_remaining": NO_CALL})


def _outliers(policy: Policy, part: Part, panic: Got[float], warm_up: Got[float] | None) -> None:
    base = part.duration("base_ejection_time", default=30.0)
    threshold = part.whole("consecutive_5xx", default=5)
    enforced = part.number("enforcing_consecutive_5xx", default=100.0, most=100.0)
    gateway = part.whole("consecutive_gateway_failure", default=5)
    by_gateway = part.number("enforcing_consecutive_gateway_failure", default=0.0, most=100.0)
    if by_gateway.value and not enforced.value:
        policy.say("only 502, 503 and 504 count there; every error here", gateway, "breaker")
        threshold, enforced = gateway, by_gateway
    if not enforced.value:
        policy.say("enforcing_consecutive_5xx 0: hosts are never ejected by it", enforced)
        threshold = Got(0, enforced.at, enforced.key)
    elif enforced.value < 100.0:
        what = f"only {enforced.value:g}% of what is found is enforced there, all here"
        policy.say(what, enforced, "breaker")
    found = Outliers(
        threshold,
        base,
        part.duration("max_ejection_time", default=max(300.0, base.value)),
        part.duration("interval", default=10.0),
        part.number("max_ejection_percent", default=10.0, most=100.0),
        panic,
        warm_up,
    )
    eject(policy, found)
    rates = part.number("enforcing_success_rate", default=100.0, most=100.0)
    if rates.value:
        what = (
            "hosts whose success rate is far below the others' are ejected too there, from 5 "
            "hosts with 100 requests each interval on; left out"
        )
        policy.say(what, rates if rates.given else part.at)
    percent = part.number("enforcing_failure_percentage", default=0.0, most=100.0)
    if percent.value:
        what = f"{percent.key}: left out; hosts are compared in an interval there"
        policy.say(what, percent)
    rest = ("success_rate_", "failure_percentage_", "max_ejection_time_jitter", "enforcing_")
    why = {
        key: "" if not percent.value else "it belongs to a rule that is left out"
        for key in part.names()
        if key.startswith(rest)
    }
    policy.leave(part, why)


def _route(policy: Policy, part: Part) -> None:
    retry = part.part("retry_policy")
    whole = part.duration("timeout", default=15.0)
    each = retry.maybe_duration("per_try_timeout")
    hedging = part.part("hedge_policy")
    if hedging.flag("hedge_on_per_try_timeout", default=False).value and each and each.value:
        _hedge(policy, retry, each)
        each = None
    policy.leave(hedging)
    if each:
        policy.set("timeout", max(each.value, 1e-3), each)
        what = f"timeout {whole.value:g} s over all attempts: left out; simcb has no word for it"
        policy.say(what, whole, "timeout")
    elif whole.value:
        what = "it holds for all attempts together there, for each here" if retry else ""
        policy.set("timeout", whole.value, whole, what)
    if retry:
        many = retry.whole("num_retries", default=1, most=1000)
        predicates = retry.raw("retry_host_predicate")
        previous = "previous_hosts" in str(predicates.value)
        retries(
            policy,
            many,
            retry.word("retry_on", default=""),
            Got(previous, predicates.at, predicates.key),
        )
        skip(policy, retry, ("retry_back_off",), "waits are Envoy's usual ones here")
        policy.leave(retry)


def _hedge(policy: Policy, retry: Part, each: Got[float]) -> None:
    """Set a hedge: an attempt goes on after its `per_try_timeout`, and one more is made."""
    many = retry.whole("num_retries", default=1, most=1000)
    if not many.value:
        return
    policy.set(
        "hedge.after",
        each.value,
        each,
        "a hedge waits like a retry besides there, by lot up to 25 ms and more",
        "an attempt that takes so long is a failure to outlier detection there, here if it ends so",
    )
    times = min(many.value, MOST_HEDGES)
    policy.set(
        "hedge.times",
        times,
        many,
        "hedges and retries are counted together there, each by themselves here",
        f"{many.value} there, here at most {times} for a try" if many.value > times else "",
    )


def write(asked: Sequence[Asked], page: Writing) -> None:
    """Write a cluster, and a route to it, for each call."""
    page.add("static_resources:", "  clusters:")
    for one in asked:
        names = {"least_busy": "LEAST_REQUEST", "random": "RANDOM"}
        page.add(f"    - name: {one.name}", "      connect_timeout: 1s")
        page.add(f"      lb_policy: {names.get(one.service.balance.value, 'ROUND_ROBIN')}")
        _write_cluster(one, page.inside("      "))
    routes = [
        one for one in asked if one.call.retry or one.call.hedge or one.call.timeout is not None
    ]
    if routes:
        page.add("# For the routes of a virtual host:", "routes:")
    for one in routes:
        page.add(
            f'  - match: {{prefix: "/{one.name}"}}', "    route:", f"      cluster: {one.name}"
        )
        _write_route(one, page.inside("      "))


def _write_cluster(asked: Asked, page: Writing) -> None:
    bulkhead = asked.call.bulkhead
    retry = asked.call.retry
    budget = retry.budget if retry else None
    most = 1_000_000
    if isinstance(budget, Concurrent):
        asked.tell("retry.budget")
        most = most if budget.share else budget.least
    if isinstance(budget, Concurrent) and bulkhead is None:
        page.add("circuit_breakers:", "  thresholds:", "    - priority: DEFAULT")
        page.add("      max_connections: 4000000000", "      max_requests: 4000000000")
        page.add(f"      max_retries: {most}")
    if bulkhead is not None:
        page.add("circuit_breakers:", "  thresholds:", "    - priority: DEFAULT")
        page.add(f"      max_requests: {bulkhead.most}", f"      max_retries: {most}")
        if bulkhead.max_wait:
            asked.lose("bulkhead.max_wait: left out; a queue there is bounded by its length")
        asked.tell("bulkhead")
    if isinstance(budget, Concurrent) and budget.share:
        page.add(
            "      retry_budget:", f"        budget_percent: {{value: {percent(budget.share)}}}"
        )
        page.add(f"        min_retry_concurrency: {budget.least}")
    found = ejection_of(asked)
    if found is not None:
        threshold, base = found
        page.add("outlier_detection:", f"  consecutive_5xx: {threshold}", "  interval: 1s")
        page.add(f"  base_ejection_time: {proto_text(max(base, 0.001))}")
        page.add(f"  max_ejection_percent: {most_ejected(asked)}", "  enforcing_success_rate: 0")
        page.add("common_lb_config:", f"  healthy_panic_threshold: {{value: {panic_of(asked)}}}")
    page.add(
        "load_assignment:", f"  cluster_name: {asked.name}", "  endpoints:", "    - lb_endpoints:"
    )
    for number in range(1, 1 + asked.service.replicas):
        where = f"{{address: {asked.name}-{number}, port_value: 8080}}"
        page.add(f"        - endpoint: {{address: {{socket_address: {where}}}}}")


def _write_route(asked: Asked, page: Writing) -> None:
    call = asked.call
    attempts = asked.retries
    limit, hedge = call.timeout, call.hedge
    whole = "0s" if (attempts and not hedge) or limit is None else proto_text(limit)
    page.add(f"timeout: {whole}")
    if hedge is not None:
        page.add("hedge_policy: {hedge_on_per_try_timeout: true}")
        if attempts != hedge.times:
            asked.lose(f"retries {attempts}, hedges {hedge.times}: counted together there")
        if limit is not None:
            asked.lose("timeout: over all attempts together there")
        asked.lose("hedge.after: a hedge waits like a retry besides there")
        asked.tell("hedge.after", "hedge.times")
        attempts, limit = max(attempts, hedge.times), max(hedge.after, 1e-3)
    if attempts:
        page.add("retry_policy:", f"  num_retries: {attempts}")
        page.add(f"  retry_on: {retry_conditions(asked) if call.retry else 'connect-failure'}")
        if asked.call.retry is not None and asked.call.retry.elsewhere:
            page.add("  host_selection_retry_max_attempts: 5", "  retry_host_predicate:")
            page.add("    - name: envoy.retry_host_predicates.previous_hosts")
        if limit is not None:
            page.add(f"  per_try_timeout: {proto_text(limit)}")
    else:
        asked.tell("retry")
    asked.tell("timeout")


_NOTHING: Node = Items((), None)  # type: ignore[arg-type]
