-- What a plan is made from, for each incident ASSIGNED in (p_after, p_up_to] that nobody has answered yet.
-- Looks at the whole stream, not only at the range: a projector that lags, or runs a range again, must not
-- bring back a level that was fired or a wait that was ended. `level` is the last one fired (0: none),
-- `due_at` and `fired_at` are its instants, or those of the assignment.
CREATE OR REPLACE FUNCTION escalation.assigned_v1(p_log smallint, p_after bigint, p_up_to bigint)
RETURNS TABLE (
    incident_id uuid, priority text, category text, team text, service text, environment text,
    level integer, due_at timestamptz, fired_at timestamptz
)
LANGUAGE sql STABLE
SET plan_cache_mode = force_custom_plan
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
    SELECT a.stream_id, life.priority, life.category, a.data->>'team', life.service, life.environment,
        coalesce((e.data->>'level')::integer, 0),
        coalesce((e.data->>'dueAt')::timestamptz, a.recorded_at),
        coalesce(
            (e.data->>'dueAt')::timestamptz + make_interval(secs => (e.data->>'lateBy')::double precision),
            a.recorded_at
        )
    FROM eventstore.event a
    CROSS JOIN LATERAL (
        SELECT
            coalesce(
                max(s.data->>'priority') FILTER (WHERE s.type = 'CLASSIFIED'),
                max(s.data->>'priority') FILTER (WHERE s.type = 'CREATED')
            ) AS priority,
            max(s.data->>'category') FILTER (WHERE s.type = 'CLASSIFIED') AS category,
            max(s.data->>'service') FILTER (WHERE s.type = 'CREATED') AS service,
            max(s.data->>'environment') FILTER (WHERE s.type = 'CREATED') AS environment,
            max(s.position) FILTER (WHERE s.type = 'ESCALATED') AS escalated,
            bool_or(s.type IN ('ACKNOWLEDGED', 'RESOLVED')) AS answered
        FROM eventstore.event s
        WHERE s.log_id = p_log AND s.stream_id = a.stream_id
    ) life
    LEFT JOIN eventstore.event e ON e.log_id = p_log AND e.position = life.escalated
    WHERE a.log_id = p_log AND a.position > p_after AND a.position <= p_up_to
        AND a.type = 'ASSIGNED' AND NOT life.answered
    ORDER BY a.position
$$;

GRANT EXECUTE ON FUNCTION escalation.assigned_v1(smallint, bigint, bigint) TO pulseops_app;
