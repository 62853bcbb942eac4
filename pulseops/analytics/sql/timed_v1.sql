-- A report of how long incidents took (see taken_v1): of all of them, of each value, of each step, and of the p_most
-- most frequent values in each step; the percentiles, of all and of each value, come in rows of their own.
-- A step is its place in p_steps, which begins at p_since or before. Without steps there are none.
CREATE OR REPLACE FUNCTION analytics.timed_v1(
    p_log smallint, p_report text, p_by text, p_since timestamptz, p_until timestamptz, p_teams text[],
    p_steps timestamptz[], p_most int
)
RETURNS TABLE (
    part text, value text, step int, incidents bigint, merged bigint, ended bigint, reopened bigint,
    mean double precision, percentiles double precision[]
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
SET work_mem = '32MB'
SET parallel_tuple_cost = 0 -- few groups come of many rows, whatever the planner thinks
SET enable_sort = off
AS $$
BEGIN
    RETURN QUERY
    WITH cell AS MATERIALIZED (
        SELECT
            t.value,
            CASE WHEN p_steps IS NOT NULL THEN width_bucket(t.created_at, p_steps) END AS step,
            count(*) AS incidents,
            count(*) FILTER (WHERE t.merged) AS merged,
            count(t.seconds) AS ended,
            count(*) FILTER (WHERE t.reopened) AS reopened,
            sum(t.seconds) AS seconds
        FROM analytics.taken_v1(p_log, p_report, p_by, p_since, p_until, p_teams) AS t
        GROUP BY 1, 2
    ), frequent AS (
        SELECT c.value FROM cell AS c GROUP BY c.value ORDER BY sum(c.incidents) DESC, c.value LIMIT p_most
    )
    SELECT
        CASE grouping(c.value, c.step) WHEN 3 THEN 'all' WHEN 1 THEN 'value' WHEN 2 THEN 'step' ELSE 'cell' END,
        c.value,
        c.step,
        sum(c.incidents)::bigint,
        sum(c.merged)::bigint,
        sum(c.ended)::bigint,
        sum(c.reopened)::bigint,
        sum(c.seconds) / nullif(sum(c.ended), 0)::double precision,
        NULL::double precision[]
    FROM cell AS c
    GROUP BY GROUPING SETS ((), (c.value), (c.step), (c.value, c.step))
    HAVING grouping(c.value, c.step) > 0
        OR p_steps IS NOT NULL AND c.value IN (SELECT f.value FROM frequent AS f);

    RETURN QUERY
    SELECT
        CASE grouping(t.value) WHEN 1 THEN 'all percentiles' ELSE 'percentiles' END,
        t.value,
        NULL::int,
        NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::double precision,
        percentile_cont(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY t.seconds)
    FROM analytics.taken_v1(p_log, p_report, p_by, p_since, p_until, p_teams) AS t
    WHERE t.seconds IS NOT NULL
    GROUP BY GROUPING SETS ((), (t.value));
END
$$;

REVOKE ALL ON FUNCTION analytics.timed_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.timed_v1 TO pulseops_app;
