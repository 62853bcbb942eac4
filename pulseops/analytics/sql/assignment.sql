-- Every assignment.
SELECT analytics.publish_v1('assignment', $$
  SELECT
    s.log_id::smallint AS log_id,
    s.incident_id::uuid AS incident_id,
    s.version::integer AS version,
    s.from_at::timestamptz AS from_at,
    s.until_at::timestamptz AS until_at,
    date_part('epoch', s.until_at - s.from_at)::float8 AS seconds,
    s.team::text AS team,
    s.responder::text AS responder,
    s.priority::text AS priority,
    (e.data #>> '{decision,rule}')::text AS rule,
    (e.data #>> '{decision,why}')::text AS why,
    s.begun_by::text AS assigned_by,
    s.position::bigint AS position
  FROM incidents.stint s
  -- Not even looked at by whoever does not ask for what is in it.
  LEFT JOIN eventstore.event e ON e.log_id = s.log_id AND e.position = s.position
  WHERE s.kind = 'assigned'
$$);

COMMENT ON VIEW analytics.assignment IS
  'Every assignment of an incident to a team or a person, one row each. A moment behind the log.';
COMMENT ON COLUMN analytics.assignment.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.assignment.incident_id IS 'The incident, as in analytics.incident.id.';
COMMENT ON COLUMN analytics.assignment.version IS 'The fact, as in analytics.timeline.version.';
COMMENT ON COLUMN analytics.assignment.from_at IS 'When it was assigned.';
COMMENT ON COLUMN analytics.assignment.until_at IS
  'When it was assigned anew; null for the last one. It does not end with the incident.';
COMMENT ON COLUMN analytics.assignment.seconds IS
  'From this assignment to the next, in seconds; null for the last one.';
COMMENT ON COLUMN analytics.assignment.team IS 'Whose it was from then on.';
COMMENT ON COLUMN analytics.assignment.responder IS 'The person that it was given to, if to one.';
COMMENT ON COLUMN analytics.assignment.priority IS 'How bad it was then.';
COMMENT ON COLUMN analytics.assignment.rule IS 'The rule that decided; manual where somebody did.';
COMMENT ON COLUMN analytics.assignment.why IS 'Its reason.';
COMMENT ON COLUMN analytics.assignment.assigned_by IS 'Who assigned it: a key, a user, or system:assignment.';
COMMENT ON COLUMN analytics.assignment.position IS 'Place in the log.';
