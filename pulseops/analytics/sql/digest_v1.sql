-- What a digest counts of what was reported from p_since on and before p_until, and in the time before that, from
-- p_before on: of all, of each step, and of the p_most noisiest services, also in each step. `value` is a service, ''
-- for none; a step is its place in p_steps, and before p_since 0. What noise is: see noise_v1.
-- The medians are in rows of their own. Everything else is of one walk through the responses.
CREATE OR REPLACE FUNCTION analytics.digest_v1(
    p_log smallint, p_before timestamptz, p_since timestamptz, p_until timestamptz, p_teams text[],
    p_steps timestamptz[], p_zone text, p_most int
)
RETURNS TABLE (
    part text, now boolean, value text, step int, incidents bigint, acknowledged bigint, escalated bigint,
    reopened bigint, outside_hours bigint, unattended bigint, false_alarms bigint, duplicates bigint, noisy bigint,
    mean double precision, mtta double precision, mttr double precision
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
    v_turns timestamptz[] := analytics.turns_v1(p_before, p_until, p_zone, p_steps || p_since);
BEGIN
    RETURN QUERY
    WITH told AS MATERIALIZED (
        SELECT
            coalesce(r.service, '') AS service,
            width_bucket(r.created_at, v_turns) AS turn,
            count(*) AS incidents,
            count(r.acknowledged_at) AS acknowledged,
            sum(date_part('epoch', r.acknowledged_at - r.created_at)) AS seconds,
            count(*) FILTER (WHERE r.escalations > 0) AS escalated,
            count(*) FILTER (WHERE r.reopenings > 0) AS reopened,
            count(*) FILTER (WHERE r.outcome = 'resolved' AND r.answered_at IS NULL) AS unattended,
            count(*) FILTER (WHERE r.resolution = 'false_alarm') AS false_alarms,
            count(*) FILTER (WHERE r.outcome = 'merged' OR r.resolution = 'duplicate') AS duplicates,
            count(*) FILTER (
                WHERE r.outcome = 'resolved' AND r.answered_at IS NULL OR r.outcome = 'merged'
                OR r.resolution IN ('false_alarm', 'duplicate')
            ) AS noisy
        FROM incidents.response AS r
        WHERE r.log_id = p_log AND r.created_at >= p_before AND r.created_at < p_until
          AND (p_teams IS NULL OR r.team = ANY (p_teams))
        GROUP BY 1, 2
    ), cell AS MATERIALIZED (
        SELECT
            a.now,
            t.service,
            a.step,
            sum(t.incidents) AS incidents,
            sum(t.acknowledged) AS acknowledged,
            sum(t.seconds) AS seconds,
            sum(t.escalated) AS escalated,
            sum(t.reopened) AS reopened,
            coalesce(sum(t.incidents) FILTER (WHERE a.outside), 0) AS outside_hours,
            sum(t.unattended) AS unattended,
            sum(t.false_alarms) AS false_alarms,
            sum(t.duplicates) AS duplicates,
            sum(t.noisy) AS noisy
        FROM told AS t
        JOIN (
            SELECT
                o.turn,
                o.at >= p_since AS now,
                CASE WHEN o.at >= p_since THEN width_bucket(o.at, p_steps) ELSE 0 END AS step,
                NOT analytics.in_business_hours_v1(o.at, p_zone) AS outside
            FROM unnest(v_turns) WITH ORDINALITY AS o (at, turn)
        ) AS a ON a.turn = t.turn
        GROUP BY 1, 2, 3
    ), noisiest AS (
        SELECT c.service FROM cell AS c WHERE c.now GROUP BY c.service HAVING sum(c.noisy) > 0
        ORDER BY sum(c.noisy) DESC, sum(c.incidents) DESC, c.service LIMIT p_most
    )
    SELECT
        CASE grouping(c.service, c.step) WHEN 3 THEN 'all' WHEN 1 THEN 'service' WHEN 2 THEN 'step' ELSE 'cell' END,
        c.now,
        c.service,
        c.step,
        sum(c.incidents)::bigint,
        sum(c.acknowledged)::bigint,
        sum(c.escalated)::bigint,
        sum(c.reopened)::bigint,
        sum(c.outside_hours)::bigint,
        sum(c.unattended)::bigint,
        sum(c.false_alarms)::bigint,
        sum(c.duplicates)::bigint,
        sum(c.noisy)::bigint,
        sum(c.seconds) / nullif(sum(c.acknowledged), 0)::double precision,
        NULL::double precision,
        NULL::double precision
    FROM cell AS c
    GROUP BY GROUPING SETS ((c.now), (c.now, c.step), (c.now, c.service), (c.now, c.service, c.step))
    HAVING grouping(c.service) = 1 OR c.service IN (SELECT n.service FROM noisiest AS n);

    RETURN QUERY
    WITH took AS (
        SELECT
            r.created_at >= p_since AS now,
            date_part('epoch', r.acknowledged_at - r.created_at) AS answer,
            date_part('epoch', r.resolved_at - r.created_at) AS finish
        FROM incidents.response AS r
        WHERE r.log_id = p_log AND r.created_at >= p_before AND r.created_at < p_until
          AND (p_teams IS NULL OR r.team = ANY (p_teams))
    ), median AS (
        SELECT
            percentile_cont(0.5) WITHIN GROUP (ORDER BY t.answer) FILTER (WHERE t.now) AS answer,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY t.finish) FILTER (WHERE t.now) AS finish,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY t.answer) FILTER (WHERE NOT t.now) AS answer_before,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY t.finish) FILTER (WHERE NOT t.now) AS finish_before
        FROM took AS t
    )
    SELECT
        'medians', w.now, NULL, NULL::int, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint,
        NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::double precision, w.answer, w.finish
    FROM median AS m
    CROSS JOIN LATERAL (
        VALUES (true, m.answer, m.finish), (false, m.answer_before, m.finish_before)
    ) AS w (now, answer, finish);
END
$$;

REVOKE ALL ON FUNCTION analytics.digest_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.digest_v1 TO pulseops_app;
