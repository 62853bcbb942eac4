-- What fell to teams and people from p_since on and before p_until: what was reported, and the acts of analytics.work,
-- but for what PulseOps ended by itself. Nothing is told of incidents of other teams than p_teams (null: all).
-- Plain enough for the planner to put it into the query that calls it.
CREATE OR REPLACE FUNCTION analytics.came_v1(
    p_log smallint, p_since timestamptz, p_until timestamptz, p_teams text[]
)
RETURNS TABLE (act text, team text, who text, at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT 'reported', r.team, NULL, r.created_at
    FROM incidents.response AS r
    WHERE r.log_id = p_log AND r.created_at >= p_since AND r.created_at < p_until
      AND (p_teams IS NULL OR r.team = ANY (p_teams))
    UNION ALL
    SELECT
        s.kind,
        s.team,
        CASE s.kind WHEN 'acknowledged' THEN s.begun_by WHEN 'escalated' THEN s.target ELSE s.responder END,
        s.from_at
    FROM incidents.stint AS s
    WHERE s.log_id = p_log AND s.from_at >= p_since AND s.from_at < p_until
      AND (s.kind IN ('acknowledged', 'escalated') OR s.kind = 'assigned' AND s.responder IS NOT NULL)
      AND (p_teams IS NULL OR EXISTS (
          SELECT FROM incidents.response AS r
          WHERE r.log_id = p_log AND r.incident_id = s.incident_id AND r.team = ANY (p_teams)
      ))
    UNION ALL
    SELECT 'resolved', s.team, s.ended_by, s.until_at
    FROM incidents.stint AS s
    WHERE s.log_id = p_log AND s.kind = 'live' AND s.ended = 'RESOLVED' AND s.from_at < p_until
      AND s.until_at >= p_since AND s.until_at < p_until AND s.ended_by NOT LIKE 'system:%'
      AND (p_teams IS NULL OR EXISTS (
          SELECT FROM incidents.response AS r
          WHERE r.log_id = p_log AND r.incident_id = s.incident_id AND r.team = ANY (p_teams)
      ))
$$;

REVOKE ALL ON FUNCTION analytics.came_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.came_v1 TO pulseops_app;
