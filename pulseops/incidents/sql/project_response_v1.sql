-- Works a slice of history (see subscriptions/slices.py) into a generation of incidents.response. Each incident that
-- the slice has facts of is told anew from its own history up to there, so any split of history into slices gives
-- the same rows, and a slice may come again: a row only ever gives way to a newer version of itself.
CREATE OR REPLACE FUNCTION incidents.project_response_v1(
    p_generation smallint,
    p_log smallint, p_after bigint, p_up_to bigint, p_shard int, p_shards int, p_parked uuid[], p_only uuid[]
)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off -- the range is read by the log's key, whatever the statistics of a young table say
SET plan_cache_mode = force_custom_plan -- not one made for a young table, for as long as the session lasts
SET jit = off
AS $$
DECLARE
    v_incidents uuid[];
    v_births bigint[];
BEGIN
    SELECT c.incidents, c.births INTO v_incidents, v_births
    FROM incidents.concerned_v1(p_log, p_after, p_up_to, p_shard, p_shards, p_parked, p_only, NULL) AS c;
    IF v_incidents IS NULL THEN
        RETURN;
    END IF;
    -- The name of the table is ours: nothing but a number comes from outside.
    EXECUTE format($project$
        INSERT INTO incidents.%I AS i (
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
        ON CONFLICT (log_id, incident_id) DO UPDATE SET (
            outcome, team, priority, category, first_team, first_priority, first_category, answered_team,
            answered_priority, answered_category, classified_at, assigned_at, escalated_at, acknowledged_at,
            acknowledged_by, answered_at, answered_by, first_resolved_at, first_resolved_by, resolved_at,
            resolved_by, resolution, resolved_automatically, live_since, acknowledgements,
            unacknowledgements, escalations, highest_level, reassignments, snoozes, reopenings, corrections,
            comments, absorbed, live_seconds, acknowledged_seconds, snoozed_seconds, updated_at, version,
            position
        ) = (
            excluded.outcome, excluded.team, excluded.priority, excluded.category, excluded.first_team,
            excluded.first_priority, excluded.first_category, excluded.answered_team,
            excluded.answered_priority, excluded.answered_category, excluded.classified_at,
            excluded.assigned_at, excluded.escalated_at, excluded.acknowledged_at, excluded.acknowledged_by,
            excluded.answered_at, excluded.answered_by, excluded.first_resolved_at,
            excluded.first_resolved_by, excluded.resolved_at, excluded.resolved_by, excluded.resolution,
            excluded.resolved_automatically, excluded.live_since, excluded.acknowledgements,
            excluded.unacknowledgements, excluded.escalations, excluded.highest_level,
            excluded.reassignments, excluded.snoozes, excluded.reopenings, excluded.corrections,
            excluded.comments, excluded.absorbed, excluded.live_seconds, excluded.acknowledged_seconds,
            excluded.snoozed_seconds, excluded.updated_at, excluded.version, excluded.position
        )
        WHERE i.version < excluded.version
    $project$, 'response_' || p_generation)
    USING p_log, v_incidents, v_births, p_up_to;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.project_response_v1(
    smallint, smallint, bigint, bigint, int, int, uuid[], uuid[]
) TO pulseops_app;
