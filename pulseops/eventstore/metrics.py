"""What the gateway, the doorbell and the readers measure."""

from prometheus_client import Counter, Gauge, Histogram

WAITING = Gauge("pulseops_append_waiting_requests", "Append requests that wait for a writer, in all logs.")
BATCH = Histogram(
    "pulseops_append_batch_requests",
    "Append requests that shared one commit.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 500),
)
SECONDS = Histogram(
    "pulseops_append_seconds",
    "Time that PostgreSQL took to store a batch durably.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
SHED = Counter("pulseops_append_shed", "Append requests refused because too many were waiting.")
RECONNECTS = Counter("pulseops_append_connection_failures", "Times that the writer's connection failed.")
WAKE_FAILURES = Counter("pulseops_wake_failures", "Times that Redis did not carry a wake-up or its reader.")
FALLBACKS = Counter(
    "pulseops_replica_fallbacks", "Reads that went to the primary because the replica was away."
)
CONFLICTS = Counter("pulseops_replica_conflicts", "Reads that a replica gave up because of what it replayed.")
