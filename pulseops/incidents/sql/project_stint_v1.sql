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
    v_incidents uuid[];
    v_births bigint[];
    v_stray uuid;
BEGIN
    SELECT array_agg(c.stream_id), array_agg(c.birth), (array_agg(c.stream_id) FILTER (WHERE c.stray))[1]
    INTO v_incidents, v_births, v_stray
    FROM (
        SELECT
            e.stream_id,
            min(e.position) FILTER (WHERE e.version = 1) AS birth,
            bool_or(e.version = 1 AND e.type <> 'CREATED') AS stray
        -- The slice first (OFFSET 0): what it leaves out need not be known.
        FROM (
            SELECT *
            FROM eventstore.slice_v1(p_log, p_after, p_up_to, p_shard, p_shards, p_parked, p_only)
            OFFSET 0
        ) AS e
        WHERE incidents.knows_v2(e.type, e.schema_version, e.position)
        GROUP BY e.stream_id
    ) AS c;
    IF v_incidents IS NULL THEN
        RETURN;
    END IF;
    IF v_stray IS NOT NULL THEN
        -- The id is not in the message, which is the same for each such incident (see refuse_fact_v1.sql).
        RAISE EXCEPTION 'An incident has facts, but was never created'
            USING DETAIL = format('It is incident %s.', v_stray);
    END IF;

    -- The name of the table is ours: nothing but a number comes from outside.
    IF array_position(v_births, NULL) IS NOT NULL THEN
        -- Each by its whole key: a join may go through all of the log, while the table is young.
        EXECUTE format($born$
            SELECT array_agg(coalesce(o.birth, (
                SELECT i.position FROM incidents.%I AS i
                WHERE i.log_id = $3 AND i.incident_id = o.id AND i.version = 1
            ), 1) ORDER BY o.nth)
            FROM unnest($1, $2) WITH ORDINALITY AS o (id, birth, nth)
        $born$, 'stint_' || p_generation)
        INTO v_births
        USING v_incidents, v_births, p_log;
    END IF;
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
