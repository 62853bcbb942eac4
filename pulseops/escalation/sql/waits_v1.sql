-- What each incident touched in a slice of history (see subscriptions/slices.py) now waits for, by its whole stream
-- and not only by the slice: a projector that lags, or passes a range again, must not bring back what is over. The
-- same in SQL as escalation/waits.py.
-- `escalation`, `acknowledgement`, `snooze` and `incident` are the facts that these waits began with, null for those
-- that it is not in; `fresh` names the kinds whose fact is in the slice or after it. `level` is the last one that was
-- fired in the wait (0: none), `due_at` and `fired_at` its instants, or those of the beginning, and `cause_id` its
-- fact. `category_then` is the category when the wait for an answer began: a plan is made by what was so then, however
-- much later. (Whatever else policies ask for begins that wait anew; so it does the others.) `pinned` is the plan of a deadline that stands behind this level: somebody asked for it before the time.
-- Each stream is looked up by itself, as in histories_v1 and for the same reason.
CREATE OR REPLACE FUNCTION escalation.waits_v1(
    p_log smallint, p_after bigint, p_up_to bigint, p_shard int, p_shards int, p_parked uuid[], p_only uuid[]
)
RETURNS TABLE (
    incident_id uuid, version integer, correlation_id uuid,
    priority text, category text, team text, service text, environment text, category_then text,
    escalation uuid, since integer, begun text, level integer, due_at timestamptz, fired_at timestamptz,
    cause_id uuid, pinned jsonb,
    acknowledgement uuid, acknowledged_at timestamptz, snooze uuid, until timestamptz,
    incident uuid, touched_at timestamptz, fresh text[]
)
LANGUAGE sql STABLE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $$
    WITH touched AS MATERIALIZED (
        SELECT DISTINCT e.stream_id
        -- The slice first (OFFSET 0): what it leaves out need not be known.
        FROM (
            SELECT * FROM eventstore.slice_v1(p_log, p_after, p_up_to, p_shard, p_shards, p_parked, p_only)
            OFFSET 0
        ) e
        -- A sweep has moved the deadline of what it fired.
        WHERE CASE WHEN incidents.knows_v2(e.type, e.schema_version, e.position)
            THEN e.type <> 'ESCALATED' OR e.meta->>'actor' <> 'system:escalation' END
    )
    SELECT t.stream_id, life.version, life.correlation_id,
        life.priority, life.category, (life.assigned).data->>'team', life.service, life.environment,
        CASE WHEN life.sorted > (life.begun).version THEN (
            SELECT h.data->>'category' FROM eventstore.event h
            WHERE h.log_id = p_log AND h.stream_id = t.stream_id
                AND h.version BETWEEN 1 AND (life.begun).version AND h.type IN ('CLASSIFIED', 'CATEGORY_CHANGED')
            ORDER BY h.version DESC LIMIT 1
        ) ELSE life.category END,
        live.escalation, CASE WHEN live.escalation IS NOT NULL THEN (life.begun).version END,
        (life.begun).type, live.level,
        coalesce(((live.escalated).data->>'dueAt')::timestamptz, (life.begun).recorded_at),
        coalesce(
            ((live.escalated).data->>'dueAt')::timestamptz
                + make_interval(secs => ((live.escalated).data->>'lateBy')::double precision),
            (life.begun).recorded_at
        ),
        coalesce((live.escalated).event_id, (life.begun).event_id),
        -- Asked for only where somebody may have escalated it in this slice.
        CASE WHEN live.escalation IS NOT NULL AND (live.escalated).position > p_after THEN (
            SELECT d.plan FROM escalation.deadline d
            WHERE d.log_id = p_log AND d.incident_id = t.stream_id AND d.kind = 'escalation'
                AND d.step <= live.level AND coalesce(d.wait_id, live.escalation) = live.escalation
        ) END,
        live.acknowledgement, (life.acknowledged).recorded_at,
        live.snooze, ((life.snoozed).data->>'until')::timestamptz,
        live.incident, (life.touched).recorded_at,
        array_remove(ARRAY[
            CASE WHEN (life.begun).position > p_after THEN 'escalation' END,
            CASE WHEN (life.acknowledged).position > p_after THEN 'acknowledgement' END,
            CASE WHEN (life.snoozed).position > p_after THEN 'snooze' END,
            CASE WHEN (life.touched).position > p_after THEN 'incident' END
        ], NULL)
    FROM touched t
    CROSS JOIN LATERAL (
        SELECT
            max(h.version) AS version,
            max(h.version) FILTER (WHERE h.type = 'CATEGORY_CHANGED') AS sorted,
            (array_agg(h.meta->>'correlationId') FILTER (WHERE h.version = 1))[1]::uuid AS correlation_id,
            max(h.data->>'service') FILTER (WHERE h.type = 'CREATED') AS service,
            max(h.data->>'environment') FILTER (WHERE h.type = 'CREATED') AS environment,
            (array_agg(h.data->>'priority' ORDER BY h.version DESC) FILTER (
                WHERE h.type IN ('CREATED', 'CLASSIFIED', 'PRIORITY_CHANGED') AND h.data->>'priority' IS NOT NULL
            ))[1] AS priority,
            (array_agg(h.data->>'category' ORDER BY h.version DESC) FILTER (
                WHERE h.type IN ('CLASSIFIED', 'CATEGORY_CHANGED')
            ))[1] AS category,
            (array_agg(h ORDER BY h.version DESC) FILTER (WHERE h.type = 'ASSIGNED'))[1] AS assigned,
            (array_agg(h ORDER BY h.version DESC) FILTER (WHERE h.type IN (
                'ASSIGNED', 'UNACKNOWLEDGED', 'UNSNOOZED', 'REOPENED', 'SPLIT', 'PRIORITY_CHANGED'
            )))[1] AS begun,
            (array_agg(h ORDER BY h.version DESC) FILTER (WHERE h.type = 'ESCALATED'))[1] AS escalated,
            (array_agg(h ORDER BY h.version DESC) FILTER (WHERE h.type IN (
                'ACKNOWLEDGED', 'ASSIGNED', 'PRIORITY_CHANGED', 'CATEGORY_CHANGED'
            )))[1] AS acknowledged,
            (array_agg(h ORDER BY h.version DESC) FILTER (WHERE h.type = 'SNOOZED'))[1] AS snoozed,
            (array_agg(h ORDER BY h.version DESC) FILTER (
                WHERE h.type = 'UNSNOOZED' OR starts_with(h.meta->>'actor', 'system:') IS NOT TRUE
            ))[1] AS touched,
            coalesce((array_agg(h.type ORDER BY h.version DESC) FILTER (WHERE h.type IN (
                'ACKNOWLEDGED', 'UNACKNOWLEDGED', 'UNSNOOZED', 'REOPENED', 'SPLIT', 'RESOLVED', 'MERGED'
            )))[1], 'CREATED') AS turn,
            coalesce((array_agg(h.type ORDER BY h.version DESC) FILTER (WHERE h.type IN (
                'SNOOZED', 'ACKNOWLEDGED', 'UNACKNOWLEDGED', 'UNSNOOZED', 'RESOLVED', 'MERGED'
            )))[1], 'CREATED') = 'SNOOZED' AS asleep
        FROM eventstore.event h
        WHERE h.log_id = p_log AND h.stream_id = t.stream_id AND h.version BETWEEN 1 AND 2147483647
            AND h.position BETWEEN
                (SELECT s.first_position FROM eventstore.stream s
                    WHERE s.log_id = p_log AND s.stream_id = t.stream_id)
                AND (SELECT s.last_position FROM eventstore.stream s
                    WHERE s.log_id = p_log AND s.stream_id = t.stream_id)
            AND incidents.knows_v2(h.type, h.schema_version, h.position)
    ) life
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN life.turn NOT IN ('ACKNOWLEDGED', 'RESOLVED', 'MERGED') AND NOT life.asleep
                AND life.assigned IS DISTINCT FROM NULL THEN (life.begun).event_id END AS escalation,
            CASE WHEN (life.escalated).version > (life.begun).version THEN life.escalated END AS escalated,
            CASE WHEN (life.escalated).version > (life.begun).version
                THEN ((life.escalated).data->>'level')::integer ELSE 0 END AS level,
            CASE WHEN life.turn = 'ACKNOWLEDGED' AND NOT life.asleep
                THEN (life.acknowledged).event_id END AS acknowledgement,
            CASE WHEN life.turn NOT IN ('RESOLVED', 'MERGED') AND life.asleep
                THEN (life.snoozed).event_id END AS snooze,
            CASE WHEN life.turn NOT IN ('RESOLVED', 'MERGED') AND NOT life.asleep
                AND life.assigned IS DISTINCT FROM NULL THEN (life.touched).event_id END AS incident
    ) live
$$;

GRANT EXECUTE ON FUNCTION escalation.waits_v1(
    smallint, bigint, bigint, int, int, uuid[], uuid[]
) TO pulseops_app;
