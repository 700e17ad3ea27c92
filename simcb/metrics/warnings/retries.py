"""Retries that are never made, or whose words say nothing."""

from __future__ import annotations

from collections.abc import Iterator

from simcb.metrics.warnings.links import Link, NoEffect
from simcb.metrics.warnings.outcomes import never_told, out_of_reach
from simcb.scenario.retries import Jitter, Server


def vain_retries(link: Link) -> Iterator[NoEffect]:
    """Yield what a retry that is switched on says in vain."""
    retry = link.call.retry
    if retry is None or retry.max_retries == 0:
        return
    if retry.elsewhere:
        yield from link.one_replica("retry", "elsewhere")
    if reason := out_of_reach(link, retry.on):
        yield link.told(
            f"{link.name} is never retried: `retry.on` names {reason}", *("retry", "on")
        )
    if isinstance(retry.backoff, Server) and (
        reason := never_told(link.service, retry.on, "retry.on")
    ):
        yield link.told(
            f"the backoff of {link.name} is never told how long to wait: {reason}",
            *("retry", "backoff"),
        )
    if retry.jitter is not Jitter.NONE and retry.backoff.delay_before(1) == 0.0:
        yield link.told(
            f"`jitter` changes nothing in the retries of {link.name}, which do not wait; leave "
            "it out, or add a backoff like `backoff: {kind: fixed, delay: 100ms}`",
            *("retry", "jitter"),
        )
