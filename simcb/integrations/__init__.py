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
