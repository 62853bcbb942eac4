-- Every acknowledgement, from when to when.
SELECT analytics.publish_v1('acknowledgement', $$
  SELECT
    s.log_id::smallint AS log_id,
    s.incident_id::uuid AS incident_id,
    s.version::integer AS version,
    s.waiting_since::timestamptz AS waiting_since,
    s.from_at::timestamptz AS from_at,
    s.until_at::timestamptz AS until_at,
    date_part('epoch', s.from_at - s.waiting_since)::float8 AS seconds_waited,
    date_part('epoch', s.until_at - s.from_at)::float8 AS seconds,
    s.begun_by::text AS acknowledged_by,
    s.ended::text AS ended,
    s.ended_by::text AS ended_by,
    s.team::text AS team,
    s.priority::text AS priority,
    s.position::bigint AS position
  FROM incidents.stint s
  WHERE s.kind = 'acknowledged'
$$);

COMMENT ON VIEW analytics.acknowledgement IS
  'Every acknowledgement of an incident, one row each, and how long it had waited for it. A moment behind the log.';
COMMENT ON COLUMN analytics.acknowledgement.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.acknowledgement.incident_id IS 'The incident, as in analytics.incident.id.';
COMMENT ON COLUMN analytics.acknowledgement.version IS 'The fact, as in analytics.timeline.version.';
COMMENT ON COLUMN analytics.acknowledgement.waiting_since IS
  'Since when it had waited: the report, a reopening or split, an acknowledgement that ended, or the end of a snooze. Null when somebody was on it already.';
COMMENT ON COLUMN analytics.acknowledgement.from_at IS 'When it was acknowledged.';
COMMENT ON COLUMN analytics.acknowledgement.until_at IS 'When that ended; null while it lasts.';
COMMENT ON COLUMN analytics.acknowledgement.seconds_waited IS
  'How long it had waited for this acknowledgement, in seconds.';
COMMENT ON COLUMN analytics.acknowledgement.seconds IS
  'How long somebody was on it, in seconds; null while it lasts.';
COMMENT ON COLUMN analytics.acknowledgement.acknowledged_by IS 'Who acknowledged it: a key or a user.';
COMMENT ON COLUMN analytics.acknowledgement.ended IS
  'The type of the fact that ended it, such as RESOLVED or UNACKNOWLEDGED; null while it lasts.';
COMMENT ON COLUMN analytics.acknowledgement.ended_by IS
  'Who caused that fact; system:escalation when the time was up.';
COMMENT ON COLUMN analytics.acknowledgement.team IS 'Whose the incident was when it was acknowledged.';
COMMENT ON COLUMN analytics.acknowledgement.priority IS 'How bad it was then.';
COMMENT ON COLUMN analytics.acknowledgement.position IS 'Place in the log.';
