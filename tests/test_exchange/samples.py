"""Settings files of the public kind, and what has to be said of each: (line, words of a note)."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).with_name("settings")

TRAPS: dict[str, tuple[tuple[int | None, str], ...]] = {
    "application.yml": (
        (11, "minimumNumberOfCalls is 20, more than the window's 10 calls"),
        (13, "automaticTransitionFromOpenToHalfOpenEnabled"),
        (16, "what is not recorded is a success there"),
        (24, "strictly above 2s"),
        (28, "steps of a second"),
        (29, "its default is taken"),
        (33, "counts the first attempt"),
        (None, "also those of an open breaker"),
        (None, "counts what they shed as failures"),
        (49, "tokens that come back evenly"),
        (6, "circuitBreakerAspectOrder"),
    ),
    "application.properties": ((3, "steps of a second"), (9, "±50% there and by ±33% here")),
    "gateway.yml": (
        (4, "more than the window's 50 calls"),
        (9, "here each probe that takes so long"),
        (None, "later document"),
        (20, "DISABLED never rejects"),
    ),
    "shared-configs.yaml": (
        (4, "a pool of threads"),
        (12, "neither success nor failure there"),
        (8, "more than the window's 20 calls"),
    ),
    "appsettings.json": (
        (6, "a law of Polly's own"),
        (8, "ten buckets"),
        (14, "total timeout of 10 s"),
        (15, "outside the retries"),
    ),
    "hedging.json": ((2, "followed by the next at once there"), (4, "asks again only when")),
    "hedged-route.yaml": (
        (7, "for all attempts together there"),
        (8, "counted together there"),
        (9, "failure to outlier detection"),
    ),
    "strategies.json": (
        (None, "also that of an open breaker"),
        (None, "not handled is a success there"),
    ),
    "destination-rule.yaml": (
        (14, "connectTimeout"),
        (17, "http1MaxPendingRequests"),
        (18, "maxRequestsPerConnection"),
        (19, "maxRetries"),
        (23, "k·900 s"),
        (24, "50% of fewer than 2 hosts is none"),
        (30, "subset v2"),
        (41, "over all attempts"),
    ),
    "httpbin.yaml": ((10, "one request at a time with HTTP/1"), (17, "k·180 s there, up to 300 s")),
    "mesh-list.json": ((3, "only 502, 503 and 504"), (5, "all attempts together")),
    "envoy.yaml": (
        (19, "over all attempts"),
        (33, "max_pending_requests"),
        (35, "the budget is of each proxy"),
        (36, "priority HIGH"),
        (39, "success rate is far below"),
        (44, "enforcing_failure_percentage"),
    ),
    "cds.yaml": (
        (7, "those that come back from an ejection"),
        (12, "k·20 s there, up to 300 s"),
        (15, "only 80% of what is found is enforced"),
        (11, "success rate is far below"),
    ),
    "cluster.json": ((2, "k·60 s"), (None, "10% of fewer than 10 hosts is none")),
    "resiliency.yaml": (
        (13, "±50%"),
        (25, "trips at number 9"),
        (23, "cleared at the first call after"),
        (29, "never cleared"),
    ),
    "resiliency-alone.yaml": ((18, "number 5"), (12, "matching"), (None, "no target uses it")),
    "breaker.go": (
        (18, "cleared at the first call after"),
        (31, "known only when the program runs"),
        (33, "cannot be read"),
        (39, "nanoseconds"),
        (39, "number 3"),
    ),
    "gobreaker.yaml": ((7, "number 6"), (5, "cleared at the first call after")),
    "client.js": (
        (5, "rejected calls are in opossum's count"),
        (5, "10 steps"),
        (9, "an error that it filters is a success there"),
        (15, "known only when the program runs"),
        (18, "cache"),
        (20, "...shared"),
    ),
    "opossum.json": ((1, "timeout false"), (1, "never opens")),
    "nginx.conf": (
        (8, "weight=2"),
        (9, "those of the first"),
        (10, "backup: left out"),
        (17, "longest pause"),
        (20, "proxy_next_upstream_timeout"),
        (4, "proxy_connect_timeout"),
        (7, "tries all again"),
        (18, "each other server"),
    ),
    "upstream.conf": ((3, "max_fails is 1"), (2, "ip_hash"), (4, "settings of servers differ")),
}
