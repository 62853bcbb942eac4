-- Which incidents were live at p_until, the oldest ones, and how old they were then, in seconds; whose and how bad they
-- are is said as it now is. What is over by now was live then all the same, so a digest tells the same whenever it is
-- asked for. What still is live is found by the board's index of it, in order, and the rest among what ended since.
CREATE OR REPLACE FUNCTION analytics.oldest_v1(p_log smallint, p_until timestamptz, p_teams text[], p_most int)
RETURNS TABLE (
    id uuid, title text, priority text, team text, created_at timestamptz, seconds double precision
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
    SELECT o.id, o.title, o.priority, o.assigned_team, o.created_at, date_part('epoch', p_until - o.created_at)
    FROM (
        (
            SELECT i.* FROM incidents.incident AS i
            WHERE i.log_id = p_log AND i.status NOT IN ('resolved', 'merged') AND i.created_at < p_until
              AND (p_teams IS NULL OR i.assigned_team = ANY (p_teams))
              AND EXISTS (
                SELECT FROM incidents.stint AS s
                WHERE s.log_id = p_log AND s.incident_id = i.id AND s.kind = 'live'
                  AND s.from_at < p_until AND (s.until_at >= p_until OR s.until_at IS NULL)
                OFFSET 0 -- of one after the other, until there are enough
              )
            ORDER BY i.created_position LIMIT p_most
        )
        UNION ALL
        (
            SELECT i.*
            FROM (
                SELECT s.incident_id FROM incidents.stint AS s
                WHERE s.log_id = p_log AND s.kind = 'live' AND s.from_at < p_until AND s.until_at >= p_until
                OFFSET 0
            ) AS e
            JOIN incidents.incident AS i ON i.log_id = p_log AND i.id = e.incident_id
            WHERE i.status IN ('resolved', 'merged') AND (p_teams IS NULL OR i.assigned_team = ANY (p_teams))
            ORDER BY i.created_position LIMIT p_most
        )
    ) AS o
    ORDER BY o.created_position LIMIT p_most
$$;

REVOKE ALL ON FUNCTION analytics.oldest_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.oldest_v1 TO pulseops_app;
