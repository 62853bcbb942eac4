-- What fell to whom.
SELECT analytics.publish_v1('work', $$
  SELECT
    s.log_id::smallint AS log_id,
    s.incident_id::uuid AS incident_id,
    a.act::text AS act,
    a.at::timestamptz AS at,
    a.who::text AS who,
    s.team::text AS team,
    s.priority::text AS priority
  FROM incidents.stint s
  CROSS JOIN LATERAL (
    SELECT
      CASE s.kind WHEN 'live' THEN 'resolved' ELSE s.kind END AS act,
      CASE s.kind WHEN 'live' THEN s.until_at ELSE s.from_at END AS at,
      CASE s.kind
        WHEN 'acknowledged' THEN s.begun_by
        WHEN 'live' THEN s.ended_by
        WHEN 'escalated' THEN s.target
        WHEN 'assigned' THEN s.responder
      END AS who
    WHERE s.kind IN ('acknowledged', 'escalated') OR s.kind = 'live' AND s.ended = 'RESOLVED'
      OR s.kind = 'assigned' AND s.responder IS NOT NULL
  ) a
$$);

COMMENT ON VIEW analytics.work IS
  'What fell to whom and when, one row for each acknowledgement, end, escalation and assignment to a person. A moment behind the log.';
COMMENT ON COLUMN analytics.work.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.work.incident_id IS 'The incident, as in analytics.incident.id.';
COMMENT ON COLUMN analytics.work.act IS
  'acknowledged, resolved, escalated (who was told) or assigned (whom it was given to).';
COMMENT ON COLUMN analytics.work.at IS 'When.';
COMMENT ON COLUMN analytics.work.who IS
  'Whom it fell to: who acknowledged or resolved, as a key or user; who was told; or the responder.';
COMMENT ON COLUMN analytics.work.team IS 'Whose the incident was then.';
COMMENT ON COLUMN analytics.work.priority IS 'How bad it was then.';
