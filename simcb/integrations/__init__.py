"""The breaker inside other people's frameworks, one module each, each an optional extra.

Every module here imports its one library at the top, and importing it without that library
raises `MissingExtraError`, an `ImportError` that says which `pip install` to run. A module
knows the breaker and its library, never the simulator: a service that uses them loads neither
SimPy nor NumPy.

| module | puts the breaker into |
| --- | --- |
| `httpx`, `httpx2` | a transport around a client's transport, one breaker per host |
| `fastapi` | 503 with `Retry-After` for rejections and failures, guards, marks on cached answers |
| `redis` | a store that several processes share, for `CachedFallback` |
| `prometheus`, `opentelemetry` | metrics under the names resilience4j's dashboard reads |
| `demo` | a checkout that survives its payment service: `python -m simcb.integrations.demo` |
"""

from __future__ import annotations


def encodable(text: str) -> str:
    r"""Returns the text with halves of surrogate pairs, which UTF-8 refuses, as `\ud800`.

    A breaker may be named by what a stranger has sent, and JSON's `"\ud800"` is a string that no
    encoding takes. Neither is that a reason to refuse the stranger's request, nor may one such
    name make a whole page of metrics fail; so it is escaped where it leaves the process.
    """
    return text.encode("utf-8", "backslashreplace").decode()
