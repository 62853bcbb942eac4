-- Works a slice of history (see subscriptions/slices.py) into a generation of incidents.incident. Any split of
-- history into slices gives the same rows, and a slice may come again: a row only ever gives way to a newer
-- version of itself.
-- Most incidents only ever go forward, by the six facts that a life begins and ends with: these need no order but
-- that of ASSIGNED and ESCALATED. Those that did anything else in this slice are folded fact by fact.
CREATE OR REPLACE FUNCTION incidents.project_incident_v3(
    p_generation smallint,
    p_log smallint, p_after bigint, p_up_to bigint, p_shard int, p_shards int, p_parked uuid[], p_only uuid[]
)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off -- the range is read by the log's key, whatever the statistics of a young table say
AS $$
DECLARE
    v_stray uuid;
    v_folded uuid[];
BEGIN
    -- The name of the table is ours: nothing but a number comes from outside.
    EXECUTE format($project$
    WITH newest AS (
        -- Each of the six types sets its own columns, so the newest of each says all.
        SELECT DISTINCT ON (e.stream_id, e.type)
            e.stream_id, e.type, e.version, e.position, e.occurred_at, e.recorded_at,
            e.data, e.meta ->> 'actor' AS actor
        -- The slice first (OFFSET 0): what it leaves out need not be known.
        FROM (SELECT * FROM eventstore.slice_v1($1, $2, $3, $4, $5, $6, $7) OFFSET 0) AS e
        WHERE incidents.knows_v2(e.type, e.schema_version, e.position)
        ORDER BY e.stream_id, e.type, e.version DESC
    ), change AS (
        SELECT
            n.stream_id AS id,
            max(n.version) AS version,
            max(n.position) AS position,
            max(n.recorded_at) AS updated_at,
            bool_and(n.type IN ('CREATED', 'CLASSIFIED', 'ASSIGNED', 'ACKNOWLEDGED', 'ESCALATED', 'RESOLVED'))
                AS plain,
            coalesce(
                max(n.version) FILTER (WHERE n.type = 'ESCALATED')
                    > coalesce(max(n.version) FILTER (WHERE n.type = 'ASSIGNED'), 0),
                false
            ) AS escalated_since,
            max(n.position) FILTER (WHERE n.type = 'CREATED') AS created_position,
            max(n.occurred_at) FILTER (WHERE n.type = 'CREATED') AS occurred_at,
            max(n.recorded_at) FILTER (WHERE n.type = 'CREATED') AS created_at,
            max(n.recorded_at) FILTER (WHERE n.type = 'CLASSIFIED') AS classified_at,
            max(n.recorded_at) FILTER (WHERE n.type = 'ASSIGNED') AS assigned_at,
            max(n.recorded_at) FILTER (WHERE n.type = 'ACKNOWLEDGED') AS acknowledged_at,
            max(n.recorded_at) FILTER (WHERE n.type = 'ESCALATED') AS escalated_at,
            max(n.recorded_at) FILTER (WHERE n.type = 'RESOLVED') AS resolved_at,
            max(n.actor) FILTER (WHERE n.type = 'ACKNOWLEDGED') AS acknowledged_by,
            max(n.actor) FILTER (WHERE n.type = 'RESOLVED') AS resolved_by,
            (array_agg(n.data) FILTER (WHERE n.type = 'CREATED'))[1] AS created,
            (array_agg(n.data) FILTER (WHERE n.type = 'CLASSIFIED'))[1] AS classified,
            (array_agg(n.data) FILTER (WHERE n.type = 'ASSIGNED'))[1] AS assigned,
            (array_agg(n.data) FILTER (WHERE n.type = 'ESCALATED'))[1] AS escalated,
            (array_agg(n.data) FILTER (WHERE n.type = 'RESOLVED'))[1] AS resolved
        FROM newest AS n
        GROUP BY n.stream_id
    ), written AS (
        -- Where CREATED lies before the range the row exists, and what it cannot lack is filled in for form only.
        INSERT INTO incidents.%I AS i (
            log_id, id, status, title, description, source, service, environment, labels, dedup_key,
            priority, category, assigned_team, escalation_level, escalated_to, acknowledged_by, resolved_by,
            occurred_at, created_at, classified_at, assigned_at, acknowledged_at, escalated_at, resolved_at,
            updated_at, version, position, created_position, responder, resolution, cause
        )
        SELECT
            $1,
            c.id,
            CASE
                WHEN c.resolved_at IS NOT NULL THEN 'resolved'
                WHEN c.acknowledged_at IS NOT NULL THEN 'acknowledged'
                ELSE 'open'
            END,
            coalesce(c.created ->> 'title', ''),
            coalesce(c.created ->> 'description', ''),
            coalesce(c.created ->> 'source', 'user'),
            c.created ->> 'service',
            c.created ->> 'environment',
            coalesce(c.created -> 'labels', '{}'),
            c.created ->> 'dedupKey',
            coalesce(c.classified ->> 'priority', c.created ->> 'priority'),
            c.classified ->> 'category',
            c.assigned ->> 'team',
            CASE WHEN c.escalated_since THEN (c.escalated ->> 'level')::integer ELSE 0 END,
            CASE WHEN c.escalated_since THEN c.escalated ->> 'to' END,
            c.acknowledged_by,
            c.resolved_by,
            coalesce(c.occurred_at, c.updated_at),
            coalesce(c.created_at, c.updated_at),
            c.classified_at,
            c.assigned_at,
            c.acknowledged_at,
            c.escalated_at,
            c.resolved_at,
            c.updated_at,
            c.version,
            c.position,
            coalesce(c.created_position, 0),
            c.assigned ->> 'responder',
            c.resolved ->> 'resolution',
            c.resolved ->> 'cause'
        FROM change AS c
        WHERE c.plain
        ON CONFLICT (log_id, id) DO UPDATE SET
            status = CASE WHEN excluded.status = 'open' THEN i.status ELSE excluded.status END,
            priority = coalesce(excluded.priority, i.priority),
            category = coalesce(excluded.category, i.category),
            assigned_team = coalesce(excluded.assigned_team, i.assigned_team),
            escalation_level = CASE
                WHEN excluded.assigned_at IS NULL AND excluded.escalated_at IS NULL THEN i.escalation_level
                ELSE excluded.escalation_level
            END,
            escalated_to = CASE
                WHEN excluded.assigned_at IS NULL AND excluded.escalated_at IS NULL THEN i.escalated_to
                ELSE excluded.escalated_to
            END,
            acknowledged_by = coalesce(excluded.acknowledged_by, i.acknowledged_by),
            resolved_by = coalesce(excluded.resolved_by, i.resolved_by),
            classified_at = coalesce(excluded.classified_at, i.classified_at),
            assigned_at = coalesce(excluded.assigned_at, i.assigned_at),
            acknowledged_at = coalesce(excluded.acknowledged_at, i.acknowledged_at),
            escalated_at = coalesce(excluded.escalated_at, i.escalated_at),
            resolved_at = coalesce(excluded.resolved_at, i.resolved_at),
            updated_at = excluded.updated_at,
            version = excluded.version,
            position = excluded.position,
            responder = CASE WHEN excluded.assigned_at IS NULL THEN i.responder ELSE excluded.responder END,
            snoozed_until = CASE WHEN excluded.status = 'open' THEN i.snoozed_until END,
            resolution = CASE WHEN excluded.resolved_at IS NULL THEN i.resolution ELSE excluded.resolution END,
            cause = CASE WHEN excluded.resolved_at IS NULL THEN i.cause ELSE excluded.cause END
        WHERE i.version < excluded.version
        RETURNING i.id, i.created_position
    )
    SELECT
        (SELECT w.id FROM written AS w WHERE w.created_position = 0 LIMIT 1),
        (SELECT array_agg(c.id) FROM change AS c WHERE NOT c.plain)
    $project$, 'incident_' || p_generation)
    INTO v_stray, v_folded
    USING p_log, p_after, p_up_to, p_shard, p_shards, p_parked, p_only;

    IF v_stray IS NOT NULL THEN
        -- The id is not in the message, which is the same for each such incident (see refuse_fact_v1.sql).
        RAISE EXCEPTION 'An incident has facts, but was never created'
            USING DETAIL = format('It is incident %s.', v_stray);
    END IF;
    IF v_folded IS NOT NULL THEN
        PERFORM incidents.fold_incidents_v1(p_generation, p_log, p_up_to, v_folded, false);
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.project_incident_v3(
    smallint, smallint, bigint, bigint, int, int, uuid[], uuid[]
) TO pulseops_app;
