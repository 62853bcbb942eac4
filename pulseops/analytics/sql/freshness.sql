-- How far behind the log the views are.
SELECT analytics.publish_v1('freshness', $$
  SELECT
    s.log_id::smallint AS log_id,
    s.name::text AS model,
    s.position::bigint AS position,
    h.position::bigint AS head,
    (h.position - s.position)::bigint AS behind,
    t.recorded_at::timestamptz AS true_until,
    s.parked::bigint AS left_out
  FROM (
    SELECT p.log_id, p.name, min(p.position) AS position, sum(cardinality(p.parked)) AS parked
    FROM eventstore.subscription p
    WHERE p.name IN ('incident', 'timeline', 'response', 'stint', 'deadline', 'team', 'service')
    GROUP BY p.log_id, p.name
  ) s
  CROSS JOIN LATERAL (
    SELECT coalesce(max(e.position), 0) AS position FROM (
      SELECT n.position FROM eventstore.event n WHERE n.log_id = s.log_id ORDER BY n.position DESC LIMIT 1
    ) e
  ) h
  LEFT JOIN eventstore.event t ON t.log_id = s.log_id AND t.position = s.position
$$);

COMMENT ON VIEW analytics.freshness IS
  'How far behind the log the views are, one row for each log and read model that they are made from.';
COMMENT ON COLUMN analytics.freshness.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.freshness.model IS
  'The views that are meant: incident, timeline, response (also hourly, daily, correction), stint (also assignment, acknowledgement, escalation, work, load), deadline, team or service.';
COMMENT ON COLUMN analytics.freshness.position IS 'Up to which place in the log they are true.';
COMMENT ON COLUMN analytics.freshness.head IS 'The newest place in the log.';
COMMENT ON COLUMN analytics.freshness.behind IS 'How many facts they are behind; 0 is true at this moment.';
COMMENT ON COLUMN analytics.freshness.true_until IS
  'When the last fact that they know was recorded; null when they know none.';
COMMENT ON COLUMN analytics.freshness.left_out IS
  'How many incidents wait for an operator, and are old in them.';
