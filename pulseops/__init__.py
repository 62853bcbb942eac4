"""PulseOps: the incident system of record."""
