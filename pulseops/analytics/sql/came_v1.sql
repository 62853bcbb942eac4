-- What fell to teams and people from p_since on and before p_until, one row for each thing and whom it fell to. To a
-- team: what was reported of its own, and what was acknowledged, resolved and escalated of it. To a person: what
-- they were given, acknowledged and resolved, and what they heard of. The acts are those of analytics.work; what
-- PulseOps did by itself fell to nobody. Nothing is told of incidents of other teams than p_teams (null: all).
CREATE OR REPLACE FUNCTION analytics.came_v1(
    p_log smallint, p_since timestamptz, p_until timestamptz, p_teams text[]
)
RETURNS TABLE (kind text, name text, act text, at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT 'team', coalesce(r.team, ''), 'reported', r.created_at
    FROM incidents.response AS r
    WHERE r.log_id = p_log AND r.created_at >= p_since AND r.created_at < p_until
      AND (p_teams IS NULL OR r.team = ANY (p_teams))
    UNION ALL
    SELECT w.kind, w.name, a.act, a.at
    FROM (
        SELECT s.kind, s.team, s.from_at AS at, s.incident_id, CASE s.kind
            WHEN 'acknowledged' THEN s.begun_by
            WHEN 'escalated' THEN s.target
            WHEN 'assigned' THEN s.responder
        END AS who
        FROM incidents.stint AS s
        WHERE s.log_id = p_log AND s.kind IN ('acknowledged', 'escalated', 'assigned')
          AND s.from_at >= p_since AND s.from_at < p_until
        UNION ALL
        SELECT 'resolved', s.team, s.until_at, s.incident_id, s.ended_by
        FROM incidents.stint AS s
        WHERE s.log_id = p_log AND s.kind = 'live' AND s.ended = 'RESOLVED'
          AND s.until_at >= p_since AND s.until_at < p_until AND s.ended_by NOT LIKE 'system:%'
    ) AS a (act, team, at, incident_id, who)
    CROSS JOIN LATERAL (
        VALUES ('person', a.who), ('team', CASE WHEN a.act <> 'assigned' THEN coalesce(a.team, '') END)
    ) AS w (kind, name)
    WHERE w.name IS NOT NULL
      AND (p_teams IS NULL OR EXISTS (
          SELECT FROM incidents.response AS r
          WHERE r.log_id = p_log AND r.incident_id = a.incident_id AND r.team = ANY (p_teams)
      ))
$$;

REVOKE ALL ON FUNCTION analytics.came_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.came_v1 TO pulseops_app;
