"""What the stack asks the database to know how far things are."""

from tests.faults.checker import FOLLOWERS

NAMES = sorted(FOLLOWERS)

CALM = """
SELECT NOT EXISTS (SELECT FROM escalation.deadline)
  AND (SELECT array_agg(DISTINCT name || position ORDER BY name || position) FROM eventstore.subscription)
    = (SELECT array_agg(name || (SELECT max(position) FROM eventstore.event) ORDER BY name)
       FROM unnest($1::text[]) AS name)
  AND (SELECT max(position) FROM eventstore.event) = ALL (
    SELECT size FROM audit.checkpoint UNION ALL SELECT size FROM audit.published
  )
"""
WRITER = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND usename = 'pulseops'
ORDER BY query LIKE '%append_v%' DESC, state_change DESC LIMIT 1
"""
LEADER = """
SELECT pid FROM eventstore.subscription, cast(split_part(owner, ':', 2) AS int) AS pid
WHERE lease_until > clock_timestamp() AND pid = ANY ($1)
GROUP BY pid ORDER BY count(*) DESC LIMIT 1
"""
ESCALATIONS = """
SELECT count(*) FROM eventstore.event WHERE type = 'ESCALATED' AND meta ->> 'actor' = 'system:escalation'
"""
"""By the clock."""
HEAD = "SELECT max(position) FROM eventstore.event"
RUN_OUT = """
SELECT coalesce(json_object_agg(what, times ORDER BY what), '{}') FROM (
  -- A policy of one step has its second level in the second round.
  SELECT count(*) AS times,
    type || CASE WHEN (data ->> 'policy', data ->> 'level') = ('high', '2') THEN ' again' ELSE '' END AS what
  FROM eventstore.event
  WHERE meta ->> 'actor' = 'system:escalation' AND position > $1
  GROUP BY what
) AS found
"""
"""How often each kind of deadline has come to something since a position."""
AT_WORK = """
SELECT (SELECT count(DISTINCT pid) = cardinality($1::int[])
        FROM eventstore.worker, cast(split_part(worker_id, ':', 2) AS int) AS pid
        WHERE pid = ANY ($1) AND seen_at > clock_timestamp() - interval '3 s')
  -- Who was killed has its leases for a while yet.
  AND (SELECT count(DISTINCT name) >= 3 AND bool_and(owner IS NOT NULL AND lease_until > clock_timestamp()
         AND cast(split_part(owner, ':', 2) AS int) = ANY ($1))
       FROM eventstore.subscription)
"""
LED_BY_OTHERS = """
SELECT count(DISTINCT name) >= 3
  AND bool_and(owner IS NOT NULL AND lease_until > clock_timestamp() AND owner NOT LIKE $1)
FROM eventstore.subscription
"""
ON_THE_BOARD = "SELECT count(*) FROM incidents.incident WHERE id = ANY ($1)"
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pulseops'"
END_SESSIONS = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'pulseops'"
"""Of all programs."""
SESSIONS = "SELECT array_agg(pid ORDER BY pid) FROM pg_stat_activity WHERE usename = 'pulseops'"
END_SESSION = "SELECT pg_terminate_backend($1)"
CANCEL = """
SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE usename = 'pulseops' AND state = 'active'
"""
"""Whatever runs at this moment."""
SWITCH = "SELECT pg_switch_wal()::text FROM pg_logical_emit_message(false, 'faults', 'on to the next file')"
NOW = "SELECT clock_timestamp()"
