-- When the first fact was recorded that these followers of a log have not all passed; null when there is none.
CREATE OR REPLACE FUNCTION analytics.missing_since_v1(p_log smallint, p_names text[]) RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT e.recorded_at FROM eventstore.event AS e
    WHERE e.log_id = p_log AND e.position > (
        SELECT coalesce(min(coalesce(s.position, 0)), 0)
        FROM unnest(p_names) AS n (name)
        LEFT JOIN eventstore.subscription AS s ON s.log_id = p_log AND s.name = n.name
    )
    ORDER BY e.position LIMIT 1
$$;

REVOKE ALL ON FUNCTION analytics.missing_since_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.missing_since_v1 TO pulseops_app;
