-- What was said to have been classified wrongly from p_since on and before p_until, how often, and how often in the
-- time before, from p_before on. As in analytics.correction, what has none is left out by its row of responses.
CREATE OR REPLACE FUNCTION analytics.corrections_v1(
    p_log smallint, p_before timestamptz, p_since timestamptz, p_until timestamptz, p_teams text[]
)
RETURNS TABLE (field text, was text, became text, times bigint, times_before bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        CASE t.event WHEN 'PRIORITY_CHANGED' THEN 'priority' ELSE 'category' END,
        t.details ->> 'was',
        coalesce(t.details ->> 'priority', t.details ->> 'category'),
        count(*) FILTER (WHERE t.timestamp >= p_since),
        count(*) FILTER (WHERE t.timestamp < p_since)
    FROM incidents.response AS r
    JOIN incidents.timeline AS t ON t.log_id = r.log_id AND t.incident_id = r.incident_id
    WHERE r.log_id = p_log AND r.corrections > 0 AND r.updated_at >= p_before AND r.created_at < p_until
      AND (p_teams IS NULL OR r.team = ANY (p_teams))
      AND t.event IN ('PRIORITY_CHANGED', 'CATEGORY_CHANGED') AND t.details @> '{"correction": true}'
      AND t.timestamp >= p_before AND t.timestamp < p_until
    GROUP BY 1, 2, 3
    ORDER BY 4 DESC, 1, 2, 3
$$;

REVOKE ALL ON FUNCTION analytics.corrections_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.corrections_v1 TO pulseops_app;
