"""What the streams measure."""

from prometheus_client import Counter, Gauge

CLIENTS = Gauge("pulseops_stream_clients", "Streams that are open in this process.")
LAG = Gauge(
    "pulseops_stream_lag_positions", "Positions that the slowest stream is behind what this process read."
)
ENDED = Counter("pulseops_stream_ended", "Streams that ended, and why.", ("why",))
EVENTS = Counter("pulseops_stream_events", "Events that streams were sent.")
FAILURES = Counter("pulseops_stream_read_failures", "Times that the log could not be read for the streams.")
