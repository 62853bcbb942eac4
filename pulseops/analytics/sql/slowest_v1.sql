-- Which incidents that were reported from p_since on and before p_until took longest to be acknowledged, in seconds.
CREATE OR REPLACE FUNCTION analytics.slowest_v1(
    p_log smallint, p_since timestamptz, p_until timestamptz, p_teams text[], p_most int
)
RETURNS TABLE (
    id uuid, title text, priority text, team text, created_at timestamptz, seconds double precision
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.incident_id, i.title, r.priority, r.team, r.created_at, r.seconds
    FROM (
        SELECT o.*, date_part('epoch', o.acknowledged_at - o.created_at) AS seconds
        FROM incidents.response AS o
        WHERE o.log_id = p_log AND o.created_at >= p_since AND o.created_at < p_until
          AND o.acknowledged_at IS NOT NULL AND (p_teams IS NULL OR o.team = ANY (p_teams))
        ORDER BY seconds DESC, o.incident_id LIMIT p_most
    ) AS r
    JOIN incidents.incident AS i ON i.log_id = p_log AND i.id = r.incident_id
    ORDER BY r.seconds DESC, r.incident_id
$$;

REVOKE ALL ON FUNCTION analytics.slowest_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.slowest_v1 TO pulseops_app;
