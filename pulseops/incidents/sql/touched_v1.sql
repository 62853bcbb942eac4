-- The incidents that anything happened to after p_since, up to p_until: each at its first event of that span, in the
-- order of these, from after p_after on, at most p_most of them. Of p_teams are those that now are.
CREATE OR REPLACE FUNCTION incidents.touched_v1(
    p_log smallint, p_since bigint, p_until bigint, p_after bigint, p_teams text[], p_most int
)
RETURNS TABLE (id uuid, place bigint)
LANGUAGE plpgsql STABLE ROWS 50
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off -- the range is read by the log's key, whatever the statistics of a young table say
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    SELECT e.stream_id, e.position
    FROM eventstore.event AS e
    WHERE e.log_id = p_log AND e.position > greatest(p_since, p_after) AND e.position <= p_until
      AND strpos(e.type, '.') = 0
      AND (e.version = 1 OR NOT EXISTS (
        SELECT FROM eventstore.event AS b
        WHERE b.log_id = p_log AND b.stream_id = e.stream_id AND b.version = e.version - 1
          AND b.position > p_since AND b.position < e.position
      ))
      AND (p_teams IS NULL OR EXISTS (
        SELECT FROM incidents.incident AS i
        WHERE i.log_id = p_log AND i.id = e.stream_id AND i.assigned_team = ANY (p_teams)
      ))
    ORDER BY e.position LIMIT p_most;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.touched_v1(smallint, bigint, bigint, bigint, text[], int) TO pulseops_app;
