-- How often an incident was resolved from p_since on and before p_until, and how many were live at its end; and the same
-- of the time before, from p_before on. Live at a moment is what had not ended by then, but for what began since: two
-- counts that an index gives without its table, however much is live.
CREATE OR REPLACE FUNCTION analytics.standing_v1(
    p_log smallint, p_before timestamptz, p_since timestamptz, p_until timestamptz, p_teams text[]
)
RETURNS TABLE (resolved bigint, resolved_before bigint, live bigint, live_before bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan -- without teams, there is nothing to look up
SET jit = off
AS $$
DECLARE
    v_live bigint;
BEGIN
    SELECT count(*) INTO v_live FROM incidents.stint AS s
    WHERE s.log_id = p_log AND s.kind = 'live' AND s.until_at IS NULL
      AND (p_teams IS NULL OR EXISTS (
        SELECT FROM incidents.response AS o
        WHERE o.log_id = p_log AND o.incident_id = s.incident_id AND o.team = ANY (p_teams)
      ));
    RETURN QUERY
    SELECT e.resolved, e.resolved_before, v_live + e.after - b.after, v_live + e.since - b.since
    FROM (
        SELECT
            count(*) FILTER (WHERE s.ended = 'RESOLVED' AND s.until_at >= p_since AND s.until_at < p_until)
                AS resolved,
            count(*) FILTER (WHERE s.ended = 'RESOLVED' AND s.until_at < p_since) AS resolved_before,
            count(*) FILTER (WHERE s.until_at >= p_until) AS after,
            count(*) FILTER (WHERE s.until_at >= p_since) AS since
        FROM incidents.stint AS s
        WHERE s.log_id = p_log AND s.kind = 'live' AND s.until_at >= p_before
          AND (p_teams IS NULL OR EXISTS (
            SELECT FROM incidents.response AS o
            WHERE o.log_id = p_log AND o.incident_id = s.incident_id AND o.team = ANY (p_teams)
          ))
    ) AS e
    CROSS JOIN (
        SELECT count(*) FILTER (WHERE s.from_at >= p_until) AS after, count(*) AS since
        FROM incidents.stint AS s
        WHERE s.log_id = p_log AND s.kind = 'live' AND s.from_at >= p_since
          AND (p_teams IS NULL OR EXISTS (
            SELECT FROM incidents.response AS o
            WHERE o.log_id = p_log AND o.incident_id = s.incident_id AND o.team = ANY (p_teams)
          ))
    ) AS b;
END
$$;

REVOKE ALL ON FUNCTION analytics.standing_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.standing_v1 TO pulseops_app;
