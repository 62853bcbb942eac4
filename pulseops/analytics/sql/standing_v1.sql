-- How often an incident was resolved from p_since on and before p_until, and how many were live at its end; and the same
-- of the time before, from p_before on. Twice, so that what is over and what is not are each found by index.
CREATE OR REPLACE FUNCTION analytics.standing_v1(
    p_log smallint, p_before timestamptz, p_since timestamptz, p_until timestamptz, p_teams text[]
)
RETURNS TABLE (resolved bigint, resolved_before bigint, live bigint, live_before bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
    SELECT
        count(*) FILTER (WHERE l.ended = 'RESOLVED' AND l.until_at >= p_since AND l.until_at < p_until),
        count(*) FILTER (WHERE l.ended = 'RESOLVED' AND l.until_at < p_since),
        count(*) FILTER (WHERE l.until_at >= p_until OR l.until_at IS NULL),
        count(*) FILTER (WHERE l.from_at < p_since AND (l.until_at >= p_since OR l.until_at IS NULL))
    FROM (
        SELECT s.incident_id, s.from_at, s.until_at, s.ended FROM incidents.stint AS s
        WHERE s.log_id = p_log AND s.kind = 'live' AND s.from_at < p_until AND s.until_at >= p_before
        UNION ALL
        SELECT s.incident_id, s.from_at, s.until_at, s.ended FROM incidents.stint AS s
        WHERE s.log_id = p_log AND s.kind = 'live' AND s.from_at < p_until AND s.until_at IS NULL
    ) AS l
    WHERE p_teams IS NULL OR EXISTS (
        SELECT FROM incidents.response AS o
        WHERE o.log_id = p_log AND o.incident_id = l.incident_id AND o.team = ANY (p_teams)
    )
$$;

REVOKE ALL ON FUNCTION analytics.standing_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.standing_v1 TO pulseops_app;
