-- Works a slice of history (see subscriptions/slices.py) into a generation of incidents.timeline. An entry never
-- changes, so a slice may come again.
CREATE OR REPLACE FUNCTION incidents.project_timeline_v3(
    p_generation smallint,
    p_log smallint, p_after bigint, p_up_to bigint, p_shard int, p_shards int, p_parked uuid[], p_only uuid[]
)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off -- the range is read by the log's key, whatever the statistics of a young table say
AS $$
BEGIN
    -- The name of the table is ours: nothing but a number comes from outside.
    EXECUTE format($project$
        INSERT INTO incidents.%I (
            log_id, incident_id, version, position, event, timestamp, occurred_at, actor, details
        )
        SELECT
            e.log_id, e.stream_id, e.version, e.position, e.type, e.recorded_at, e.occurred_at,
            e.meta ->> 'actor',
            -- Up to 20 kB, and the incident itself carries it.
            CASE WHEN e.type = 'CREATED' AND e.data ? 'description' THEN e.data - 'description' ELSE e.data END
        -- The slice first (OFFSET 0): what it leaves out need not be known.
        FROM (SELECT * FROM eventstore.slice_v1($1, $2, $3, $4, $5, $6, $7) OFFSET 0) AS e
        WHERE incidents.knows_v2(e.type, e.schema_version, e.position)
        ON CONFLICT (log_id, incident_id, version) DO NOTHING
    $project$, 'timeline_' || p_generation)
    USING p_log, p_after, p_up_to, p_shard, p_shards, p_parked, p_only;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.project_timeline_v3(
    smallint, smallint, bigint, bigint, int, int, uuid[], uuid[]
) TO pulseops_app;
