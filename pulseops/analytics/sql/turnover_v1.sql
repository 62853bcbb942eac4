-- What a digest counts beside durations and noise. Of what was reported from p_since on and before p_until: how many
-- were ever escalated, were ever reopened, and came outside of business hours. Of all: how often one was resolved in
-- that time, and how many were live at its end.
CREATE OR REPLACE FUNCTION analytics.turnover_v1(
    p_log smallint, p_since timestamptz, p_until timestamptz, p_teams text[], p_zone text
)
RETURNS TABLE (escalated bigint, reopened bigint, outside_hours bigint, resolved bigint, live bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    SELECT
        count(*) FILTER (WHERE r.escalations > 0),
        count(*) FILTER (WHERE r.reopenings > 0),
        count(*) FILTER (WHERE NOT analytics.in_business_hours_v1(r.created_at, p_zone)),
        (
            SELECT count(*) FROM incidents.stint AS s
            WHERE s.log_id = p_log AND s.kind = 'live' AND s.ended = 'RESOLVED'
              AND s.until_at >= p_since AND s.until_at < p_until
              AND (p_teams IS NULL OR EXISTS (
                  SELECT FROM incidents.response AS o
                  WHERE o.log_id = p_log AND o.incident_id = s.incident_id AND o.team = ANY (p_teams)
              ))
        ),
        (
            -- Twice, so that each is found by its index.
            SELECT count(*) FROM (
                SELECT s.incident_id FROM incidents.stint AS s
                WHERE s.log_id = p_log AND s.kind = 'live' AND s.from_at < p_until AND s.until_at >= p_until
                UNION ALL
                SELECT s.incident_id FROM incidents.stint AS s
                WHERE s.log_id = p_log AND s.kind = 'live' AND s.from_at < p_until AND s.until_at IS NULL
            ) AS l
            WHERE p_teams IS NULL OR EXISTS (
                SELECT FROM incidents.response AS o
                WHERE o.log_id = p_log AND o.incident_id = l.incident_id AND o.team = ANY (p_teams)
            )
        )
    FROM incidents.response AS r
    WHERE r.log_id = p_log AND r.created_at >= p_since AND r.created_at < p_until
      AND (p_teams IS NULL OR r.team = ANY (p_teams));
END
$$;

REVOKE ALL ON FUNCTION analytics.turnover_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.turnover_v1 TO pulseops_app;
