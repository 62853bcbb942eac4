-- Works a slice of history (see subscriptions/slices.py) into a generation of incidents.stint. Each incident that
-- the slice has facts of is gone through anew up to there. A stint that is there is written to once more, when it has
-- ended, so any split of history into slices gives the same rows, and a slice may come again.
CREATE OR REPLACE FUNCTION incidents.project_stint_v1(
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
    -- What begins or ends one: see stints_v1. The rest is not worth going through a long life for.
    c_moving CONSTANT text[] := '{CREATED, REOPENED, SPLIT, ASSIGNED, ACKNOWLEDGED, UNACKNOWLEDGED, SNOOZED, UNSNOOZED,
        ESCALATED, PRIORITY_CHANGED, RESOLVED, MERGED}';
    v_incidents uuid[];
    v_births bigint[];
BEGIN
    SELECT c.incidents, c.births INTO v_incidents, v_births
    FROM incidents.concerned_v1(p_log, p_after, p_up_to, p_shard, p_shards, p_parked, p_only, c_moving) AS c;
    IF v_incidents IS NULL THEN
        RETURN;
    END IF;
    -- The name of the table is ours: nothing but a number comes from outside.
    EXECUTE format($project$
        INSERT INTO incidents.%I AS i (
            log_id, incident_id, version, kind, from_at, until_at, ended, begun_by, ended_by, team,
            priority, waiting_since, responder, level, target, due_at, late_by,
            resolution, position
        )
        SELECT
            t.log_id, t.incident_id, t.version, t.kind, t.from_at, t.until_at, t.ended, t.begun_by,
            t.ended_by, t.team, t.priority, t.waiting_since, t.responder, t.level, t.target,
            t.due_at, t.late_by, t.resolution, t.position
        FROM incidents.stints_v1($1, $2, $3, $4) AS t
        ON CONFLICT (log_id, incident_id, version) DO UPDATE SET (
            until_at, ended, ended_by, team, priority, resolution
        ) = (
            excluded.until_at, excluded.ended, excluded.ended_by, excluded.team, excluded.priority,
            excluded.resolution
        )
        WHERE i.until_at IS NULL AND excluded.until_at IS NOT NULL
    $project$, 'stint_' || p_generation)
    USING p_log, v_incidents, v_births, p_up_to;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.project_stint_v1(
    smallint, smallint, bigint, bigint, int, int, uuid[], uuid[]
) TO pulseops_app;
