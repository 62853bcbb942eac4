-- Adds the entries of the positions after p_after up to p_to to a generation of incidents.timeline that is
-- being filled: it has none of them, and no indexes yet. Parked streams are left out.
CREATE OR REPLACE FUNCTION incidents.fill_timeline_v2(
    p_generation smallint, p_log smallint, p_after bigint, p_to bigint, p_parked uuid[]
)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
BEGIN
    EXECUTE format($fill$
        INSERT INTO incidents.%I (
            log_id, incident_id, version, position, event, timestamp, occurred_at, actor, details
        )
        SELECT
            e.log_id, e.stream_id, e.version, e.position, e.type, e.recorded_at, e.occurred_at,
            e.meta ->> 'actor',
            -- Up to 20 kB, and the incident itself carries it.
            CASE WHEN e.type = 'CREATED' AND e.data ? 'description' THEN e.data - 'description' ELSE e.data END
        FROM (SELECT * FROM eventstore.slice_v1($1, $2, $3, 0, 1, $4, '{}') OFFSET 0) AS e
        WHERE incidents.knows_v2(e.type, e.schema_version, e.position)
    $fill$, 'timeline_' || p_generation)
    USING p_log, p_after, p_to, p_parked;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.fill_timeline_v2(smallint, smallint, bigint, bigint, uuid[])
    TO pulseops_app;
