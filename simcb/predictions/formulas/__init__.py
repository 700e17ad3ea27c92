"""Results of queueing and renewal theory, and Markov chains solved exactly.

Rates are per second, times seconds. Each docstring names who showed the formula. The chains of
breakers and retry budgets share nothing with the breaker's and the world's own code on purpose.
"""

from simcb.predictions.formulas.breakers import (
    calls_to_trip,
    calls_to_trip_by_rate,
    calls_to_trip_tumbling,
    probe_cycle,
    time_closed,
    time_to_rate,
    time_to_two,
)
from simcb.predictions.formulas.calls import (
    bucket_retries,
    cache_hits,
    hit_ratio,
    load_of_retries,
    sent_by_throttle,
    success_of_retries,
    zipf,
)
from simcb.predictions.formulas.queues import (
    closed_network,
    engset,
    erlang_b,
    erlang_c,
    full_queue,
    late_mm1,
    machine_repair,
    shed_after_wait,
    sojourn_gm1,
    sojourn_quantile_mm1,
    turned_away_by_one_token,
    wait_ggc,
    wait_mg1,
    waits_by_priority,
)
from simcb.predictions.formulas.scaling import (
    ramp_up,
    settled_replicas,
)

__all__ = [
    "bucket_retries",
    "cache_hits",
    "calls_to_trip",
    "calls_to_trip_by_rate",
    "calls_to_trip_tumbling",
    "closed_network",
    "engset",
    "erlang_b",
    "erlang_c",
    "full_queue",
    "hit_ratio",
    "late_mm1",
    "load_of_retries",
    "machine_repair",
    "probe_cycle",
    "ramp_up",
    "sent_by_throttle",
    "settled_replicas",
    "shed_after_wait",
    "sojourn_gm1",
    "sojourn_quantile_mm1",
    "success_of_retries",
    "time_closed",
    "time_to_rate",
    "time_to_two",
    "turned_away_by_one_token",
    "wait_ggc",
    "wait_mg1",
    "waits_by_priority",
    "zipf",
]
