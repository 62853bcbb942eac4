-- How many events of incidents there are after p_since, up to p_until, of each type and (type null) of all, and to how
-- many incidents they happened. Of p_teams are those that now are.
CREATE OR REPLACE FUNCTION incidents.counted_between_v1(
    p_log smallint, p_since bigint, p_until bigint, p_teams text[]
)
RETURNS TABLE (type text, events bigint, incidents bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    SELECT e.type, count(*), count(DISTINCT e.stream_id)
    FROM eventstore.event AS e
    WHERE e.log_id = p_log AND e.position > p_since AND e.position <= p_until
      AND strpos(e.type, '.') = 0
      AND (p_teams IS NULL OR EXISTS (
        SELECT FROM incidents.incident AS i
        WHERE i.log_id = p_log AND i.id = e.stream_id AND i.assigned_team = ANY (p_teams)
      ))
    GROUP BY GROUPING SETS ((e.type), ());
END
$$;

GRANT EXECUTE ON FUNCTION incidents.counted_between_v1(smallint, bigint, bigint, text[]) TO pulseops_app;
