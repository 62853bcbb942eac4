-- A report of what fell to whom (see came_v1), by kind (team or person), name and step, and how much of it came outside
-- of business hours and at night by the clock in p_zone. To a team falls what is about its incidents, to a person
-- what they did, were given or heard. A step is its place in p_steps; without steps all are 0.
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
SET parallel_tuple_cost = 0 -- few groups come of many rows, whatever the planner thinks
SET enable_sort = off
AS $$
DECLARE
    v_turns timestamptz[] := analytics.turns_v1(p_since, p_until, p_zone, p_steps);
BEGIN
    RETURN QUERY
    WITH told AS MATERIALIZED (
        SELECT c.act, c.team, c.who, width_bucket(c.at, v_turns) AS turn, count(*) AS n
        FROM analytics.came_v1(p_log, p_since, p_until, p_teams) AS c
        GROUP BY 1, 2, 3, 4
    ), alike AS (
        SELECT
            t.turn,
            coalesce(width_bucket(greatest(t.at, p_since), p_steps), 0) AS step,
            NOT analytics.in_business_hours_v1(t.at, p_zone) AS outside,
            analytics.in_business_hours_v1(t.at, p_zone, '22:00', '06:00', '{1,2,3,4,5,6,7}') AS night
        FROM unnest(v_turns) WITH ORDINALITY AS t (at, turn)
    )
    SELECT
        w.kind,
        w.name,
        a.step,
        coalesce(sum(t.n) FILTER (WHERE t.act IN ('reported', 'assigned')), 0)::bigint,
        coalesce(sum(t.n) FILTER (WHERE t.act = 'acknowledged'), 0)::bigint,
        coalesce(sum(t.n) FILTER (WHERE t.act = 'resolved'), 0)::bigint,
        coalesce(sum(t.n) FILTER (WHERE t.act = 'escalated'), 0)::bigint,
        coalesce(sum(t.n) FILTER (WHERE a.outside), 0)::bigint,
        coalesce(sum(t.n) FILTER (WHERE a.night), 0)::bigint
    FROM told AS t
    JOIN alike AS a ON a.turn = t.turn
    CROSS JOIN LATERAL (
        VALUES ('person', t.who), ('team', CASE WHEN t.act <> 'assigned' THEN coalesce(t.team, '') END)
    ) AS w (kind, name)
    WHERE w.name IS NOT NULL
    GROUP BY 1, 2, 3;
END
$$;

REVOKE ALL ON FUNCTION analytics.carried_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.carried_v1 TO pulseops_app;
