-- What incidents wait for. Left out is how the sweep gets on with it.
SELECT analytics.publish_v1('deadline', $$
  SELECT
    d.log_id::smallint AS log_id,
    d.incident_id::uuid AS incident_id,
    d.kind::text AS kind,
    d.step::integer AS step,
    d.due_at::timestamptz AS due_at,
    d.plan::jsonb AS plan
  FROM escalation.deadline d
$$);

COMMENT ON VIEW analytics.deadline IS
  'What is due when, one row for each incident and kind. A moment behind the log.';
COMMENT ON COLUMN analytics.deadline.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.deadline.incident_id IS 'The incident that waits, as in analytics.incident.id.';
COMMENT ON COLUMN analytics.deadline.kind IS
  'What the deadline is for: escalation, acknowledgement, snooze or incident (auto-resolve).';
COMMENT ON COLUMN analytics.deadline.step IS
  'Of an escalation: the level that hears of it when the time is up, from 1. Otherwise 1.';
COMMENT ON COLUMN analytics.deadline.due_at IS 'When the time is up.';
COMMENT ON COLUMN analytics.deadline.plan IS 'The plan, as it was when the wait began; null for a snooze.';
