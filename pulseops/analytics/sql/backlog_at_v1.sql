-- Which incidents were live at a moment, from the views: so a caller finds those of its own logs.
CREATE OR REPLACE FUNCTION analytics.backlog_at_v1(p_at timestamptz)
RETURNS TABLE (
  log_id smallint,
  incident_id uuid,
  live_since timestamptz,
  age double precision,
  team text,
  acknowledged boolean
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
  SELECT
    s.log_id,
    s.incident_id,
    s.from_at,
    pg_catalog.date_part('epoch', p_at - s.from_at),
    (
      SELECT a.team FROM analytics.stint AS a
      WHERE a.log_id = s.log_id AND a.incident_id = s.incident_id AND a.kind = 'assigned'
        AND a.from_at <= p_at AND (a.until_at > p_at OR a.until_at IS NULL)
      ORDER BY a.version DESC LIMIT 1
    ),
    EXISTS (
      SELECT FROM analytics.stint AS k
      WHERE k.log_id = s.log_id AND k.incident_id = s.incident_id AND k.kind = 'acknowledged'
        AND k.from_at <= p_at AND (k.until_at > p_at OR k.until_at IS NULL)
    )
  FROM analytics.stint AS s
  WHERE s.kind = 'live' AND s.from_at <= p_at AND (s.until_at > p_at OR s.until_at IS NULL)
$$;

COMMENT ON FUNCTION analytics.backlog_at_v1 IS
  'The incidents that were live at p_at, one row each: log_id, incident_id, live_since, age in seconds at that moment, the team whose it was then, and whether somebody was on it. A moment that has not been reached by analytics.freshness is answered as far as is known.';
REVOKE ALL ON FUNCTION analytics.backlog_at_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.backlog_at_v1 TO pulseops_analyst;
