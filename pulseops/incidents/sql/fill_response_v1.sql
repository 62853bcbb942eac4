-- Adds the incidents born after p_after up to p_to, as they stand at p_up_to, to a generation of
-- incidents.response that is being filled: it has none of them, and no indexes yet. Parked streams are left out.
CREATE OR REPLACE FUNCTION incidents.fill_response_v1(
    p_generation smallint, p_log smallint, p_after bigint, p_to bigint, p_up_to bigint, p_parked uuid[]
)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
SET work_mem = '64MB'
AS $$
DECLARE
    v_incidents uuid[];
    v_births bigint[];
BEGIN
    SELECT array_agg(e.stream_id), array_agg(e.position) INTO v_incidents, v_births
    FROM (SELECT * FROM eventstore.slice_v1(p_log, p_after, p_to, 0, 1, p_parked, '{}') OFFSET 0) AS e
    WHERE e.version = 1 AND incidents.knows_v2(e.type, e.schema_version, e.position);
    IF v_incidents IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format($fill$
        INSERT INTO incidents.%I (
            log_id, incident_id, outcome, source, service, environment, team, priority, category,
            first_team, first_priority, first_category, answered_team, answered_priority, answered_category,
            created_at, classified_at, assigned_at, escalated_at, acknowledged_at, acknowledged_by,
            answered_at, answered_by, first_resolved_at, first_resolved_by, resolved_at, resolved_by,
            resolution, resolved_automatically, live_since, acknowledgements, unacknowledgements,
            escalations, highest_level, reassignments, snoozes, reopenings, corrections, comments, absorbed,
            live_seconds, acknowledged_seconds, snoozed_seconds, updated_at, version, position,
            created_position
        )
        SELECT
            t.log_id, t.incident_id, t.outcome, t.source, t.service, t.environment, t.team, t.priority,
            t.category, t.first_team, t.first_priority, t.first_category, t.answered_team,
            t.answered_priority, t.answered_category, t.created_at, t.classified_at, t.assigned_at,
            t.escalated_at, t.acknowledged_at, t.acknowledged_by, t.answered_at, t.answered_by,
            t.first_resolved_at, t.first_resolved_by, t.resolved_at, t.resolved_by, t.resolution,
            t.resolved_automatically, t.live_since, t.acknowledgements, t.unacknowledgements, t.escalations,
            t.highest_level, t.reassignments, t.snoozes, t.reopenings, t.corrections, t.comments,
            t.absorbed, t.live_seconds, t.acknowledged_seconds, t.snoozed_seconds, t.updated_at, t.version,
            t.position, t.created_position
        FROM incidents.responses_v1($1, $2, $3, $4) AS t
    $fill$, 'response_' || p_generation)
    USING p_log, v_incidents, v_births, p_up_to;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.fill_response_v1(smallint, smallint, bigint, bigint, bigint, uuid[])
    TO pulseops_app;
