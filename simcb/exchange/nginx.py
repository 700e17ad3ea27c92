"""nginx's `upstream` blocks, and the `proxy_` directives of whoever passes requests to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from simcb.breaker import ConsecutiveFailures, FailuresInWindow
from simcb.exchange.calls import Asked, Writing, lose_clearing, lose_closing, lose_growth
from simcb.exchange.documents import Document
from simcb.exchange.durations import seconds_of
from simcb.exchange.parts import Got
from simcb.exchange.policy import ENDLESS, Policy, as_name
from simcb.scenario.problems import Mark
from simcb.scenario.refusal import Refused, shown
from simcb.scenario.units import format_duration, format_share

MOST_WORDS = 50_000
MOST_DEPTH = 32

_TOKEN = re.compile(r"""\s+|\#[^\n]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[{};]|[^\s{};"'#]+""")
_BALANCE = {"least_conn": "least_busy", "random": "random"}
_PASS = re.compile(r"(proxy|grpc|fastcgi|uwsgi|scgi)_pass")
_BESIDE = {
    "limit_req": "it holds for each client there; `rate_limit` of a call, or the service's `admit`",
    "limit_conn": "it holds for each client there; `bulkhead` of a call, or the service's `admit`",
    "cache": "give the call a `cache`",
    "cache_use_stale": "give the call a `fallback`",
}
_HARMLESS = ("keepalive", "keepalive_timeout", "keepalive_requests", "zone", "queue", "state")


@dataclass
class _Directive:
    """One directive: its words, its line, and what stands in its block."""

    words: list[str]
    line: int
    block: list[_Directive] = field(default_factory=list)


def recognises(text: str) -> bool:
    """Whether a text looks like it."""
    return bool(re.search(r"^\s*upstream\s+\S+\s*\{", text, re.MULTILINE))


def read(document: Document) -> Iterator[Policy]:
    """Yield the policy of every upstream."""
    top = _parsed(document)
    every = list(_all(top, []))
    for directive, _ in every:
        if directive.words[:1] == ["upstream"] and len(directive.words) > 1:
            yield _upstream(directive, every, document)


def _parsed(document: Document) -> list[_Directive]:
    """Return the directives of a configuration; what stands between braces is their block."""
    top: list[_Directive] = []
    open_blocks = [top]
    words: list[str] = []
    line = begin = 1
    count = 0
    for found in _TOKEN.finditer(document.text):
        token = found[0]
        if token.isspace() or token.startswith("#"):
            line += token.count("\n")
            continue
        count += 1
        if count > MOST_WORDS or len(open_blocks) > MOST_DEPTH:
            deep = f"nests deeper than {MOST_DEPTH} levels"
            what = f"has more than {MOST_WORDS} words" if count > MOST_WORDS else deep
            refused = Refused(what, "give only the part with the upstreams")
            document.findings.add(document.mark(line), "", refused)
            return []
        if token in "{;}":
            if words:
                made = _Directive(words, begin)
                open_blocks[-1].append(made)
                if token == "{":
                    open_blocks.append(made.block)
            elif token == "{":
                open_blocks.append([])
            if token == "}" and len(open_blocks) > 1:
                open_blocks.pop()
            words = []
        else:
            begin = begin if words else line
            words.append(token.strip("\"'"))
        line += token.count("\n")
    return top


def _all(
    directives: list[_Directive], above: list[_Directive]
) -> Iterator[tuple[_Directive, list[_Directive]]]:
    """Yield each directive with what holds where it stands, innermost last."""
    waiting = [(directives, above)]
    while waiting:
        block, outer = waiting.pop()
        here = [*outer, *block]
        for each in block:
            yield each, here
            if each.block and len(here) < MOST_WORDS:
                waiting.append((each.block, here))


def _upstream(
    block: _Directive, every: list[tuple[_Directive, list[_Directive]]], document: Document
) -> Policy:
    name = block.words[1]
    policy = Policy(as_name(name), block.line)
    servers = [each for each in block.block if each.words[0] == "server"]
    live = [each for each in servers if not {"backup", "down"} & set(each.words)]
    for each in servers:
        if each not in live:
            policy.say(f"{shown(' '.join(each.words))}: left out", document.mark(each.line))
    _passive(policy, live, document)
    policy.set("replicas", max(1, len(live)), Got(None, document.mark(block.line)))
    policy.set("balance", "round_robin")
    for each in block.block:
        mark = document.mark(each.line)
        word = each.words[0]
        if word in _BALANCE:
            policy.set("balance", _BALANCE[word], Got(None, mark))
        elif word not in ("server", *_HARMLESS):
            policy.say(f"{shown(' '.join(each.words))}: left out; simcb has no word for it", mark)
    users = [(one, here) for one, here in every if _passes(one, name)]
    way = users[0][0].words[0].removesuffix("pass") if users else "proxy_"
    _proxy(policy, way, users[0][1] if users else [], len(live), document)
    return policy


def _passes(directive: _Directive, name: str) -> bool:
    if len(directive.words) < 2 or not _PASS.fullmatch(directive.words[0]):
        return False
    # Connections are passed to a bare name (`stream`), and so are other protocols than HTTP.
    return re.split(r"[/:]", directive.words[1].rpartition("://")[2])[0] == name


def _passive(policy: Policy, servers: list[_Directive], document: Document) -> None:
    """Set the breaker that `max_fails` and `fail_timeout` are, one for each server."""
    first: tuple[int, float, float] | None = None
    for each in servers:
        given = dict(word.partition("=")[::2] for word in each.words[2:])
        got = Got[object](None, document.mark(each.line))
        fails = _whole(given.get("max_fails", "1"), each, document)
        window = _seconds(given.get("fail_timeout", "10s"), each.line, document)
        slow = 0.0
        for word, value in given.items():
            why = {
                "weight": "replicas are asked alike",
            }.get(word)
            if word == "slow_start":
                slow = _seconds(value, each.line, document)
                continue
            if word == "max_conns" and first is None:
                _connections(policy, _whole(value, each, document), got)
            elif why or word not in ("max_fails", "fail_timeout", "max_conns"):
                text = f"{word}={value}" if value else word
                policy.say(f"{shown(text)}: left out; {why or 'simcb has no word for it'}", got)
        if first is None:
            first = (fails, window, slow)
            usual = "" if "max_fails" in given else "max_fails is 1 if it is not given"
            _eject(policy, fails, window, got, usual, alone=len(servers) == 1)
            if slow and fails:
                what = "a server that is back gets a growing weight there, a growing share here"
                policy.set("breaker.slow_start", slow, got, what)
        elif (fails, window, slow) != first:
            policy.say("settings of servers differ; those of the first are taken for all", got)


def _connections(policy: Policy, most: int, got: Got[object]) -> None:
    if most:
        policy.set("bulkhead.max_concurrent", most, got)
        policy.set("bulkhead.per_replica", True)


def _eject(
    policy: Policy, fails: int, window: float, got: Got[object], note: str, *, alone: bool
) -> None:
    if not fails:
        policy.say("max_fails 0: a server is never left out", got)
        return
    rule = {"kind": "failures_in_window", "threshold": fails, "window": window}
    policy.trip(rule, got, note, "failures are counted in each worker process of nginx by itself")
    policy.set("breaker.recovery.timeout", window, got)
    policy.set("breaker.half_open.probes", 1)
    policy.set("breaker.half_open.lease", ENDLESS)
    policy.set("breaker.per_replica", True)
    if alone:
        policy.say("a lone server is never left out by nginx; here it is", got, "breaker")
    else:
        what = "when all servers have failed nginx tries all again, as with less than 1% left here"
        policy.set("breaker.panic", format_share(0.01), got, what)


def _proxy(
    policy: Policy, way: str, here: list[_Directive], servers: int, document: Document
) -> None:
    """Set what the place has that passes requests to the upstream; the innermost word holds.

    Args:
        policy: gets it.
        way: what the words of that place begin with, as in `proxy_`.
        here: what holds there.
        servers: how many are asked.
        document: where they stand.
    """
    words = {each.words[0].removeprefix(way): each for each in here}
    for word, why in _BESIDE.items():
        each = words.get(word)
        if each and each.words[1:] != ["off"]:
            what = f"{shown(' '.join(each.words))}: left out; {why}"
            policy.say(what, document.mark(each.line))
    read = words.get("read_timeout") or words.get("timeout")
    limit = _seconds(_argument(read, "60s"), read.line if read else 1, document)
    mark = document.mark(read.line) if read else None
    what = "the longest pause between two pieces of an answer there, all of an attempt here"
    policy.set("timeout", limit, Got(None, mark), what)
    for word in ("connect_timeout", "send_timeout"):
        each = words.get(word)
        if each:
            what = f"{each.words[0]}: left out; `timeout` is that of an attempt as a whole"
            policy.say(what, document.mark(each.line), "timeout")
    following = words.get("next_upstream")
    on = set(following.words[1:]) if following else {"error", "timeout"}
    on |= {"error", "timeout"} if "on" in on else set()
    tries = words.get("next_upstream_tries")
    most = _whole(_argument(tries, "0"), tries, document) if tries else 0
    if "off" in on or servers < 2:
        return
    again = (min(most, servers) if most else servers) - 1
    at = following or tries
    got = Got[object](None, document.mark(at.line) if at else None)
    policy.set("retry.max_retries", again, got, "each other server is tried once, at once")
    policy.set("retry.elsewhere", True, got)
    outcomes = [word for word in ("error", "timeout") if word in on]
    named = ["timeout"] if "timeout" in outcomes else []
    if any(word.startswith("http_5") for word in on):
        named.insert(0, "error")
    named += ["refused"] if "error" in outcomes else []
    policy.set("retry.on", named or ["refused"], got)
    limit_all = words.get("next_upstream_timeout")
    if limit_all and limit_all.words[1:] != ["0"]:
        what = f"{limit_all.words[0]}: left out; simcb has no limit over all attempts"
        policy.say(what, document.mark(limit_all.line), "retry")


def _argument(directive: _Directive | None, usual: str) -> str:
    return " ".join(directive.words[1:]) if directive and len(directive.words) > 1 else usual


def _seconds(text: str, line: int, document: Document) -> float:
    try:
        return max(seconds_of(text, "second"), 1e-3)
    except Refused as refused:
        document.findings.add(document.mark(line), "", refused)
        return 10.0


def _whole(text: str, directive: _Directive, document: Document) -> int:
    if text.isascii() and text.isdigit() and len(text) < 7:
        return int(text)
    refused = Refused(f"`{shown(text, 60)}` is no whole number", "write 0 to 999999")
    document.findings.add(Mark(document.mark(directive.line).source, directive.line), "", refused)
    return 1


def write(asked: Sequence[Asked], page: Writing) -> None:
    """Write an upstream, and a location that passes to it, for each call."""
    for one in asked:
        options = _options(one)
        page.add(f"upstream {one.name} {{")
        if one.service.balance == "least_busy":
            page.add("    least_conn;")
        elif one.service.balance == "random":
            page.add("    random;")
        for number in range(1, 1 + one.service.replicas):
            page.add(f"    server {one.name}-{number}:8080{options};")
        page.add("}", "", f"location /{one.name}/ {{", f"    proxy_pass http://{one.name};")
        if one.call.timeout is not None:
            page.add(f"    proxy_read_timeout {_nginx_time(one.call.timeout)};")
            one.lose("timeout: nginx has one for each pause in an answer, not for an attempt")
            one.tell("timeout")
        _write_retry(one, page)
        page.add("}")


def _nginx_time(seconds: float) -> str:
    text = format_duration(seconds)
    return text if float(f"{seconds * 1000:.9g}").is_integer() else f"{round(seconds * 1000)}ms"


def _options(asked: Asked) -> str:
    breaker = asked.breaker
    if breaker is None or not breaker.enabled:
        asked.tell("breaker")
        return " max_fails=0"
    lose_clearing(asked)
    fails, window = 1, breaker.recovery_policy().timeout
    found = False
    for rule in asked.rules:
        if found:
            asked.lose(f"{rule!r}: left out; nginx has one rule, of failures in a window")
        elif isinstance(rule, FailuresInWindow):
            found, fails = True, rule.threshold
            lasts = rule.window or rule.every or 0.0
            if lasts != window:
                asked.lose(
                    f"window {lasts:g} s: fail_timeout is both the window and the time a "
                    f"server is left out, {window:g} s"
                )
        elif isinstance(rule, ConsecutiveFailures):
            found, fails = True, rule.threshold
            asked.lose(f"{fails} failures in a row: there so many within fail_timeout")
        else:
            asked.lose(f"{rule!r}: left out; nginx counts failures, no rates")
    half = breaker.half_open_policy()
    lose_growth(asked)
    lose_closing(asked)
    if (half.probes, half.successes) not in ((0, None), (1, 1)) or (
        half.probes and half.lease < ENDLESS
    ):
        asked.lose("half_open: nginx sends one request to a server whose time is over")
    if not breaker.per_replica:
        asked.lose("nginx leaves out single servers, never all of them")
    asked.tell_breaker()
    asked.tell("breaker.per_replica", "breaker.slow_start")
    if breaker.panic is None or breaker.panic > 1.0 / max(1, asked.service.replicas):
        asked.lose("panic: all servers are asked when all have failed, and not before, there")
    asked.tell("breaker.panic")
    slow = "" if breaker.slow_start is None else f" slow_start={_nginx_time(breaker.slow_start)}"
    return f" max_fails={fails} fail_timeout={_nginx_time(window)}{slow}"


def _write_retry(asked: Asked, page: Writing) -> None:
    retry = asked.call.retry
    if retry is None or not retry.max_retries:
        page.add("    proxy_next_upstream off;")
        asked.tell("retry")
        return
    on = {outcome.value for outcome in retry.on}
    words = ["error"] if "refused" in on else []
    words += ["timeout"] if "timeout" in on else []
    words += ["http_500", "http_502", "http_503", "http_504"] if "error" in on else []
    page.add(f"    proxy_next_upstream {' '.join(words) or 'off'};")
    page.add(f"    proxy_next_upstream_tries {asked.retries + 1};")
    if on - {"refused", "timeout", "error"}:
        asked.lose("retry.on: nginx knows nothing of rejected and shed calls")
    if retry.backoff.delay_before(1):
        asked.lose("retry.backoff: nginx tries the next server at once")
    if retry.max_retries >= asked.service.replicas:
        asked.lose(f"retry.max_retries {retry.max_retries}: each server is tried once at most")
    if not retry.elsewhere:
        asked.lose("retry.elsewhere: nginx goes to a server that was not tried")
    asked.tell("retry.max_retries", "retry.backoff", "retry.jitter", "retry.on", "retry.elsewhere")
