-- Adds the stints of the incidents born after p_after up to p_to, as they stand at p_up_to, to a generation of
-- incidents.stint that is being filled: it has none of them, and no indexes yet. Parked streams are left out.
CREATE OR REPLACE FUNCTION incidents.fill_stint_v1(
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
            log_id, incident_id, version, kind, from_at, until_at, ended, begun_by, ended_by, team,
            priority, waiting_since, responder, level, target, due_at, late_by,
            resolution, position
        )
        SELECT
            t.log_id, t.incident_id, t.version, t.kind, t.from_at, t.until_at, t.ended, t.begun_by,
            t.ended_by, t.team, t.priority, t.waiting_since, t.responder, t.level, t.target,
            t.due_at, t.late_by, t.resolution, t.position
        FROM incidents.stints_v1($1, $2, $3, $4) AS t
    $fill$, 'stint_' || p_generation)
    USING p_log, v_incidents, v_births, p_up_to;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.fill_stint_v1(smallint, smallint, bigint, bigint, bigint, uuid[])
    TO pulseops_app;
