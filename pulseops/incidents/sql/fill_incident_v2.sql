-- Adds the incidents born after p_after up to p_to, as they stand at p_up_to, to a generation of
-- incidents.incident that is being filled. It has none of them, and no indexes yet: each incident is written
-- once, from its whole history. What it did past p_to is looked up by its stream; incidents born before p_after
-- are met on the way and dropped. Parked streams are left out. Those that did anything but go forward are folded
-- fact by fact, as in project_incident_v3.sql.
CREATE OR REPLACE FUNCTION incidents.fill_incident_v2(
    p_generation smallint, p_log smallint, p_after bigint, p_to bigint, p_up_to bigint, p_parked uuid[]
)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off -- a window has few streams, the log has many: each is looked up
SET enable_mergejoin = off
SET jit = off
SET work_mem = '64MB'
AS $$
DECLARE
    v_stray uuid;
    v_folded uuid[];
BEGIN
    EXECUTE format($fill$
    WITH change AS (
        SELECT
            e.stream_id AS id,
            max(e.version) AS version,
            max(e.position) AS position,
            max(e.recorded_at) AS updated_at,
            bool_and(e.type IN ('CREATED', 'CLASSIFIED', 'ASSIGNED', 'ACKNOWLEDGED', 'ESCALATED', 'RESOLVED'))
                AS plain,
            coalesce(
                max(e.version) FILTER (WHERE e.type = 'ESCALATED')
                    > coalesce(max(e.version) FILTER (WHERE e.type = 'ASSIGNED'), 0),
                false
            ) AS escalated_since,
            max(e.position) FILTER (WHERE e.type = 'CREATED') AS created_position,
            max(e.occurred_at) FILTER (WHERE e.type = 'CREATED') AS occurred_at,
            max(e.recorded_at) FILTER (WHERE e.type = 'CREATED') AS created_at,
            max(e.recorded_at) FILTER (WHERE e.type = 'CLASSIFIED') AS classified_at,
            max(e.recorded_at) FILTER (WHERE e.type = 'ASSIGNED') AS assigned_at,
            max(e.recorded_at) FILTER (WHERE e.type = 'ACKNOWLEDGED') AS acknowledged_at,
            max(e.recorded_at) FILTER (WHERE e.type = 'ESCALATED') AS escalated_at,
            max(e.recorded_at) FILTER (WHERE e.type = 'RESOLVED') AS resolved_at,
            (array_agg(e.meta ->> 'actor' ORDER BY e.version DESC) FILTER (WHERE e.type = 'ACKNOWLEDGED'))[1]
                AS acknowledged_by,
            (array_agg(e.meta ->> 'actor' ORDER BY e.version DESC) FILTER (WHERE e.type = 'RESOLVED'))[1]
                AS resolved_by,
            (array_agg(e.data ORDER BY e.version DESC) FILTER (WHERE e.type = 'CREATED'))[1] AS created,
            (array_agg(e.data ORDER BY e.version DESC) FILTER (WHERE e.type = 'CLASSIFIED'))[1] AS classified,
            (array_agg(e.data ORDER BY e.version DESC) FILTER (WHERE e.type = 'ASSIGNED'))[1] AS assigned,
            (array_agg(e.data ORDER BY e.version DESC) FILTER (WHERE e.type = 'ESCALATED'))[1] AS escalated,
            (array_agg(e.data ORDER BY e.version DESC) FILTER (WHERE e.type = 'RESOLVED'))[1] AS resolved
        FROM (
            SELECT s.stream_id, s.version, s.position, s.type, s.occurred_at, s.recorded_at, s.data, s.meta
            -- The slice first (OFFSET 0): what it leaves out need not be known.
            FROM (SELECT * FROM eventstore.slice_v1($1, $2, $3, 0, 1, $5, '{}') OFFSET 0) AS s
            WHERE incidents.knows_v2(s.type, s.schema_version, s.position)
            UNION ALL
            SELECT h.stream_id, h.version, h.position, h.type, h.occurred_at, h.recorded_at, h.data, h.meta
            FROM eventstore.slice_v1($1, $2, $3, 0, 1, $5, '{}') AS b
            JOIN eventstore.stream AS w ON w.log_id = $1 AND w.stream_id = b.stream_id
            CROSS JOIN LATERAL (
                -- The whole key but for its last column, or the planner may prefer the positions.
                SELECT s.*
                FROM eventstore.event AS s
                WHERE s.log_id = $1 AND s.stream_id = b.stream_id AND s.version BETWEEN 2 AND 2147483647
                  AND s.position > $3 AND s.position <= $4
                OFFSET 0
            ) AS h
            WHERE b.version = 1 AND w.last_position > $3
                AND incidents.knows_v2(h.type, h.schema_version, h.position)
        ) AS e
        GROUP BY e.stream_id
        HAVING min(e.version) = 1
    ), written AS (
        INSERT INTO incidents.%I (
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
            c.occurred_at,
            c.created_at,
            c.classified_at,
            c.assigned_at,
            c.acknowledged_at,
            c.escalated_at,
            c.resolved_at,
            c.updated_at,
            c.version,
            c.position,
            c.created_position,
            c.assigned ->> 'responder',
            c.resolved ->> 'resolution',
            c.resolved ->> 'cause'
        FROM change AS c
        WHERE c.plain AND c.created IS NOT NULL
    )
    SELECT
        (SELECT c.id FROM change AS c WHERE c.created IS NULL LIMIT 1),
        (SELECT array_agg(c.id) FROM change AS c WHERE NOT c.plain)
    $fill$, 'incident_' || p_generation)
    INTO v_stray, v_folded
    USING p_log, p_after, p_to, p_up_to, p_parked;

    IF v_stray IS NOT NULL THEN
        RAISE EXCEPTION 'Incident % has facts, but was never created', v_stray;
    END IF;
    IF v_folded IS NOT NULL THEN
        PERFORM incidents.fold_incidents_v1(p_generation, p_log, p_up_to, v_folded, true);
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.fill_incident_v2(smallint, smallint, bigint, bigint, bigint, uuid[])
    TO pulseops_app;
