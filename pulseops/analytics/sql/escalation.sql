-- Every escalation.
SELECT analytics.publish_v1('escalation', $$
  SELECT
    s.log_id::smallint AS log_id,
    s.incident_id::uuid AS incident_id,
    s.version::integer AS version,
    s.level::integer AS level,
    s.target::text AS target,
    s.from_at::timestamptz AS at,
    s.due_at::timestamptz AS due_at,
    s.late_by::float8 AS late_by,
    s.until_at::timestamptz AS until_at,
    date_part('epoch', s.until_at - s.from_at)::float8 AS seconds,
    s.ended::text AS ended,
    s.ended_by::text AS ended_by,
    s.team::text AS team,
    s.priority::text AS priority,
    (e.data ->> 'policy')::text AS policy,
    (e.data #>> '{decision,rule}')::text AS rule,
    (e.data #>> '{decision,why}')::text AS why,
    s.begun_by::text AS escalated_by,
    s.position::bigint AS position
  FROM incidents.stint s
  -- Not even looked at by whoever does not ask for what is in it.
  LEFT JOIN eventstore.event e ON e.log_id = s.log_id AND e.position = s.position
  WHERE s.kind = 'escalated'
$$);

COMMENT ON VIEW analytics.escalation IS
  'Every escalation of an incident to a level, one row each, and what came of it. A moment behind the log.';
COMMENT ON COLUMN analytics.escalation.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.escalation.incident_id IS 'The incident, as in analytics.incident.id.';
COMMENT ON COLUMN analytics.escalation.version IS 'The fact, as in analytics.timeline.version.';
COMMENT ON COLUMN analytics.escalation.level IS 'Which level was told, from 1.';
COMMENT ON COLUMN analytics.escalation.target IS
  'Who was told: a person, a team or a schedule, as the policy names it.';
COMMENT ON COLUMN analytics.escalation.at IS 'When it was escalated.';
COMMENT ON COLUMN analytics.escalation.due_at IS
  'When the time was up; when somebody asked for it, the moment of that.';
COMMENT ON COLUMN analytics.escalation.late_by IS 'How long after due_at it happened, in seconds.';
COMMENT ON COLUMN analytics.escalation.until_at IS 'When something came of it; null while nothing has.';
COMMENT ON COLUMN analytics.escalation.seconds IS 'How long that took, in seconds.';
COMMENT ON COLUMN analytics.escalation.ended IS
  'What came of it: ACKNOWLEDGED, RESOLVED, ESCALATED (the next level) or another fact; null while nothing has.';
COMMENT ON COLUMN analytics.escalation.ended_by IS 'Who caused that fact.';
COMMENT ON COLUMN analytics.escalation.team IS 'Whose the incident was then.';
COMMENT ON COLUMN analytics.escalation.priority IS 'How bad it was then.';
COMMENT ON COLUMN analytics.escalation.policy IS 'By which policy.';
COMMENT ON COLUMN analytics.escalation.rule IS 'The rule that decided.';
COMMENT ON COLUMN analytics.escalation.why IS 'Its reason.';
COMMENT ON COLUMN analytics.escalation.escalated_by IS
  'Who escalated it: system:escalation when the time was up, else a key or a user.';
COMMENT ON COLUMN analytics.escalation.position IS 'Place in the log.';
