-- Which incidents that were reported before p_until are not over yet, the oldest ones, and how old they were then, in
-- seconds. By the index of those that are not over, which stays small.
CREATE OR REPLACE FUNCTION analytics.oldest_v1(p_log smallint, p_until timestamptz, p_teams text[], p_most int)
RETURNS TABLE (
    id uuid, title text, priority text, team text, created_at timestamptz, seconds double precision
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        i.id, i.title, i.priority, i.assigned_team, i.created_at, date_part('epoch', p_until - i.created_at)
    FROM incidents.incident AS i
    WHERE i.log_id = p_log AND i.status NOT IN ('resolved', 'merged') AND i.created_at < p_until
      AND (p_teams IS NULL OR i.assigned_team = ANY (p_teams))
    ORDER BY i.created_position LIMIT p_most
$$;

REVOKE ALL ON FUNCTION analytics.oldest_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.oldest_v1 TO pulseops_app;
