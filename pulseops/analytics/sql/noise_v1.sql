-- A report of what was reported from p_since on and before p_until and needed nobody, by value and step. Unattended is
-- what is over and was never answered, as in analytics.response; a duplicate was merged, or resolved as one.
-- `value` is '' for none. A step is its place in p_steps; without steps all are 0.
CREATE OR REPLACE FUNCTION analytics.noise_v1(
    p_log smallint, p_by text, p_since timestamptz, p_until timestamptz, p_teams text[], p_steps timestamptz[]
)
RETURNS TABLE (
    value text, step int, incidents bigint, unattended bigint, false_alarms bigint, duplicates bigint, noisy bigint,
    reopened bigint
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
    SELECT
        coalesce(CASE p_by
            WHEN 'service' THEN r.service
            WHEN 'category' THEN r.category
            WHEN 'team' THEN r.team
            WHEN 'dedupKey' THEN i.dedup_key
            WHEN 'rule' THEN e.data #>> '{decision,rule}'
        END, ''),
        coalesce(width_bucket(r.created_at, p_steps), 0),
        count(*),
        count(*) FILTER (WHERE r.outcome = 'resolved' AND r.answered_at IS NULL),
        count(*) FILTER (WHERE r.resolution = 'false_alarm'),
        count(*) FILTER (WHERE r.outcome = 'merged' OR r.resolution = 'duplicate'),
        count(*) FILTER (
            WHERE r.outcome = 'resolved' AND r.answered_at IS NULL OR r.outcome = 'merged'
            OR r.resolution IN ('false_alarm', 'duplicate')
        ),
        count(*) FILTER (WHERE r.reopenings > 0)
    FROM incidents.response AS r
    LEFT JOIN incidents.incident AS i
        ON p_by = 'dedupKey' AND i.log_id = r.log_id AND i.id = r.incident_id
    LEFT JOIN LATERAL (
        SELECT s.position FROM incidents.stint AS s
        WHERE s.log_id = r.log_id AND s.incident_id = r.incident_id AND s.kind = 'assigned'
        ORDER BY s.version LIMIT 1
    ) AS a ON p_by = 'rule'
    LEFT JOIN eventstore.event AS e ON p_by = 'rule' AND e.log_id = p_log AND e.position = a.position
    WHERE r.log_id = p_log AND r.created_at >= p_since AND r.created_at < p_until
      AND (p_teams IS NULL OR r.team = ANY (p_teams))
    GROUP BY 1, 2;
END
$$;

REVOKE ALL ON FUNCTION analytics.noise_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.noise_v1 TO pulseops_app;
