-- How much fell to whom on each day. By other days than those of UTC, or by business hours: from work.
SELECT analytics.publish_v1('load', $$
  SELECT
    w.log_id::smallint AS log_id,
    w.day::date AS day,
    w.who::text AS who,
    w.team::text AS team,
    count(*) FILTER (WHERE w.act = 'acknowledged')::bigint AS acknowledged,
    count(*) FILTER (WHERE w.act = 'resolved')::bigint AS resolved,
    count(*) FILTER (WHERE w.act = 'escalated')::bigint AS escalated_to,
    count(*) FILTER (WHERE w.act = 'assigned')::bigint AS assigned
  FROM (
    SELECT s.log_id, s.team, a.act, a.who, (a.at AT TIME ZONE 'UTC')::date AS day
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
  ) w
  GROUP BY w.log_id, w.day, w.who, w.team
$$);

COMMENT ON VIEW analytics.load IS
  'How much fell to whom on each day, by team. A moment behind the log.';
COMMENT ON COLUMN analytics.load.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.load.day IS 'The day, by UTC.';
COMMENT ON COLUMN analytics.load.who IS 'Whom it fell to, as in analytics.work.';
COMMENT ON COLUMN analytics.load.team IS 'Whose the incidents were then.';
COMMENT ON COLUMN analytics.load.acknowledged IS 'How often they acknowledged.';
COMMENT ON COLUMN analytics.load.resolved IS 'How often they resolved.';
COMMENT ON COLUMN analytics.load.escalated_to IS 'How often they were told by an escalation.';
COMMENT ON COLUMN analytics.load.assigned IS 'How often an incident was given to them.';
