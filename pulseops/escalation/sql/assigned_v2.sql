-- What a plan is made from, for each incident ASSIGNED in a slice of history (see subscriptions/slices.py) that
-- nobody has answered yet. Looks at the whole stream, not only at the slice: a projector that lags, or passes a
-- range again, must not bring back a level that was fired or a wait that was ended. `level` is the last one
-- fired (0: none), `due_at` and `fired_at` are its instants, or those of the assignment. `version` is how many
-- facts were looked at, `correlation_id` that of the first, `cause_id` the newest that a wait begins with.
-- Each stream is looked up by itself, as in histories_v1 and for the same reason.
CREATE OR REPLACE FUNCTION escalation.assigned_v2(
    p_log smallint, p_after bigint, p_up_to bigint, p_shard int, p_shards int, p_parked uuid[], p_only uuid[]
)
RETURNS TABLE (
    incident_id uuid, priority text, category text, team text, service text, environment text,
    level integer, due_at timestamptz, fired_at timestamptz,
    version integer, correlation_id uuid, cause_id uuid
)
LANGUAGE sql STABLE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $$
    WITH newly AS MATERIALIZED (
        SELECT e.stream_id, e.position, e.recorded_at, e.data->>'team' AS team
        -- The slice first (OFFSET 0): what it leaves out need not be known.
        FROM (
            SELECT * FROM eventstore.slice_v1(p_log, p_after, p_up_to, p_shard, p_shards, p_parked, p_only)
            OFFSET 0
        ) e
        WHERE CASE WHEN incidents.knows_v1(e.type, e.schema_version, e.position) THEN e.type = 'ASSIGNED' END
    )
    SELECT n.stream_id, coalesce(life.priority, life.reported), life.category, n.team,
        life.service, life.environment,
        coalesce((life.escalated->>'level')::integer, 0),
        coalesce((life.escalated->>'dueAt')::timestamptz, n.recorded_at),
        coalesce(
            (life.escalated->>'dueAt')::timestamptz
                + make_interval(secs => (life.escalated->>'lateBy')::double precision),
            n.recorded_at
        ),
        life.version, life.correlation_id, life.cause_id
    FROM newly n
    CROSS JOIN LATERAL (
        SELECT
            max(h.data->>'priority') FILTER (WHERE h.type = 'CREATED') AS reported,
            max(h.data->>'service') FILTER (WHERE h.type = 'CREATED') AS service,
            max(h.data->>'environment') FILTER (WHERE h.type = 'CREATED') AS environment,
            max(h.data->>'priority') FILTER (WHERE h.type = 'CLASSIFIED') AS priority,
            max(h.data->>'category') FILTER (WHERE h.type = 'CLASSIFIED') AS category,
            (array_agg(h.data ORDER BY h.version DESC) FILTER (WHERE h.type = 'ESCALATED'))[1] AS escalated,
            max(h.version) AS version,
            (array_agg(h.meta->>'correlationId') FILTER (WHERE h.version = 1))[1]::uuid AS correlation_id,
            (array_agg(h.event_id ORDER BY h.version DESC) FILTER (WHERE h.type IN ('ASSIGNED', 'ESCALATED')))[1]
                AS cause_id,
            bool_or(h.type IN ('ACKNOWLEDGED', 'RESOLVED')) AS answered
        FROM eventstore.event h
        WHERE h.log_id = p_log AND h.stream_id = n.stream_id AND h.version BETWEEN 1 AND 2147483647
            AND h.position BETWEEN
                (SELECT s.first_position FROM eventstore.stream s
                    WHERE s.log_id = p_log AND s.stream_id = n.stream_id)
                AND (SELECT s.last_position FROM eventstore.stream s
                    WHERE s.log_id = p_log AND s.stream_id = n.stream_id)
            AND incidents.knows_v1(h.type, h.schema_version, h.position)
    ) life
    WHERE NOT life.answered
    ORDER BY n.position
$$;

GRANT EXECUTE ON FUNCTION escalation.assigned_v2(
    smallint, bigint, bigint, int, int, uuid[], uuid[]
) TO pulseops_app;
