-- Brings these incidents to where they stand at p_up_to, in a generation of incidents.incident, fact by fact: those
-- in whose lives the order of facts matters. A row goes on from its own version, so that what comes again changes
-- nothing. With p_fresh the generation has none of them, and no indexes yet: each begins with its first fact.
CREATE OR REPLACE FUNCTION incidents.fold_incidents_v1(
    p_generation smallint, p_log smallint, p_up_to bigint, p_incidents uuid[], p_fresh boolean
)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off -- they are few, the log has many: each is looked up
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
    v_table text := 'incident_' || p_generation;
    v_stray uuid;
BEGIN
    -- The name of the table is ours: nothing but a number comes from outside.
    EXECUTE format($fold$
    WITH life AS MATERIALIZED (
        SELECT o.id, b.incident IS NULL AS begins, f.incident
        FROM unnest($1) AS o (id)
        LEFT JOIN LATERAL (%s OFFSET 0) AS b ON true
        CROSS JOIN LATERAL (
            SELECT incidents.folded_v1(
                b.incident, e.type, e.data, e.meta ->> 'actor', e.occurred_at, e.recorded_at, e.version, e.position
                ORDER BY e.version
            ) AS incident
            FROM (
                -- The whole key but for its last column, or the planner may prefer the positions.
                SELECT h.*
                FROM eventstore.event AS h
                WHERE h.log_id = $2 AND h.stream_id = o.id
                  AND h.version BETWEEN coalesce(b.version, 0) + 1 AND 2147483647
                  AND h.position > coalesce(b.position, 0) AND h.position <= $3
                OFFSET 0
            ) AS e
            WHERE incidents.knows_v2(e.type, e.schema_version, e.position)
        ) AS f
    ), written AS (
        INSERT INTO incidents.%I AS i (
            log_id, id, status, title, description, source, service, environment, labels, dedup_key,
            priority, category, assigned_team, escalation_level, escalated_to, acknowledged_by, resolved_by,
            occurred_at, created_at, classified_at, assigned_at, acknowledged_at, escalated_at, resolved_at,
            updated_at, version, position, created_position,
            responder, snoozed_until, resolution, cause, merged_into, merged, impacted_services,
            customers_affected, links
        )
        SELECT
            $2, l.id, r.status, r.title, r.description, r.source, r.service, r.environment, r.labels, r.dedup_key,
            r.priority, r.category, r.assigned_team, r.escalation_level, r.escalated_to, r.acknowledged_by,
            r.resolved_by, r.occurred_at, r.created_at, r.classified_at, r.assigned_at, r.acknowledged_at,
            r.escalated_at, r.resolved_at, r.updated_at, r.version, r.position, r.created_position,
            r.responder, r.snoozed_until, r.resolution, r.cause, r.merged_into, r.merged, r.impacted_services,
            r.customers_affected, r.links
        FROM life AS l
        CROSS JOIN LATERAL jsonb_populate_record(NULL::incidents.incident, l.incident) AS r
        WHERE l.incident IS NOT NULL
        %s
    )
    SELECT l.id FROM life AS l WHERE l.begins AND l.incident IS NULL LIMIT 1
    $fold$,
        CASE WHEN p_fresh
            THEN 'SELECT NULL::jsonb AS incident, 0 AS version, 0::bigint AS position'
            ELSE format(
                'SELECT to_jsonb(i) AS incident, i.version, i.position FROM incidents.%I AS i '
                'WHERE i.log_id = $2 AND i.id = o.id', v_table)
        END,
        v_table,
        CASE WHEN p_fresh THEN '' ELSE $conflict$
        ON CONFLICT (log_id, id) DO UPDATE SET
            status = excluded.status,
            title = excluded.title,
            description = excluded.description,
            labels = excluded.labels,
            priority = excluded.priority,
            category = excluded.category,
            assigned_team = excluded.assigned_team,
            escalation_level = excluded.escalation_level,
            escalated_to = excluded.escalated_to,
            acknowledged_by = excluded.acknowledged_by,
            resolved_by = excluded.resolved_by,
            classified_at = excluded.classified_at,
            assigned_at = excluded.assigned_at,
            acknowledged_at = excluded.acknowledged_at,
            escalated_at = excluded.escalated_at,
            resolved_at = excluded.resolved_at,
            updated_at = excluded.updated_at,
            version = excluded.version,
            position = excluded.position,
            responder = excluded.responder,
            snoozed_until = excluded.snoozed_until,
            resolution = excluded.resolution,
            cause = excluded.cause,
            merged_into = excluded.merged_into,
            merged = excluded.merged,
            impacted_services = excluded.impacted_services,
            customers_affected = excluded.customers_affected,
            links = excluded.links
        WHERE i.version < excluded.version
        $conflict$ END)
    INTO v_stray
    USING p_incidents, p_log, p_up_to;

    IF v_stray IS NOT NULL THEN
        -- The id is not in the message, which is the same for each such incident (see refuse_fact_v1.sql).
        RAISE EXCEPTION 'An incident has facts, but was never created'
            USING DETAIL = format('It is incident %s.', v_stray);
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.fold_incidents_v1(smallint, smallint, bigint, uuid[], boolean)
    TO pulseops_app;
