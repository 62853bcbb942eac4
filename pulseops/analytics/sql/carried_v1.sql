-- A report of what fell to whom (see came_v1), by kind (team or person), name and step, in how far it came outside of
-- business hours and at night, by the clock in p_zone. A step is its place in p_steps; without steps all are 0.
CREATE OR REPLACE FUNCTION analytics.carried_v1(
    p_log smallint, p_since timestamptz, p_until timestamptz, p_teams text[], p_steps timestamptz[], p_zone text
)
RETURNS TABLE (
    kind text, name text, step int, incidents bigint, acknowledged bigint, resolved bigint, escalated bigint,
    outside_hours bigint, at_night bigint
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
SET work_mem = '32MB'
SET parallel_tuple_cost = 0
AS $$
BEGIN
    RETURN QUERY
    WITH told AS (
        -- By the hour first: the clock is read once for each, not once for each act.
        SELECT c.kind, c.name, date_trunc('hour', c.at, p_zone) AS hour, c.act, count(*) AS n
        FROM analytics.came_v1(p_log, p_since, p_until, p_teams) AS c
        GROUP BY 1, 2, 3, 4
    )
    SELECT
        t.kind,
        t.name,
        coalesce(width_bucket(greatest(t.hour, p_since), p_steps), 0),
        sum(t.n) FILTER (WHERE t.act IN ('reported', 'assigned'))::bigint,
        sum(t.n) FILTER (WHERE t.act = 'acknowledged')::bigint,
        sum(t.n) FILTER (WHERE t.act = 'resolved')::bigint,
        sum(t.n) FILTER (WHERE t.act = 'escalated')::bigint,
        sum(t.n) FILTER (WHERE NOT analytics.in_business_hours_v1(t.hour, p_zone))::bigint,
        sum(t.n) FILTER (
            WHERE analytics.in_business_hours_v1(t.hour, p_zone, '22:00', '06:00', '{1,2,3,4,5,6,7}')
        )::bigint
    FROM told AS t
    GROUP BY 1, 2, 3;
END
$$;

REVOKE ALL ON FUNCTION analytics.carried_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.carried_v1 TO pulseops_app;
