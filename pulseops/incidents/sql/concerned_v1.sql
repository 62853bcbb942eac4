-- Which incidents a slice of history (see subscriptions/slices.py) has facts of that are of p_types (null: of any), and
-- where each was born. Every fact of the slice is looked at all the same: one that is not known stops here, and so does
-- an incident that does not begin with CREATED.
CREATE OR REPLACE FUNCTION incidents.concerned_v1(
    p_log smallint, p_after bigint, p_up_to bigint, p_shard int, p_shards int, p_parked uuid[], p_only uuid[],
    p_types text[], OUT incidents uuid[], OUT births bigint[]
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off -- the range is read by the log's key, whatever the statistics of a young table say
SET plan_cache_mode = force_custom_plan -- not one made for a young table, for as long as the session lasts
SET jit = off
AS $$
DECLARE
    v_stray uuid;
BEGIN
    SELECT
        array_agg(c.stream_id) FILTER (WHERE c.concerned),
        -- Each by its whole key: a join may go through all of the log, while the table is young.
        array_agg(coalesce(c.birth, (
            SELECT s.first_position FROM eventstore.stream AS s WHERE s.log_id = p_log AND s.stream_id = c.stream_id
        ), 1)) FILTER (WHERE c.concerned),
        (array_agg(c.stream_id) FILTER (WHERE c.stray))[1]
    INTO incidents, births, v_stray
    FROM (
        SELECT
            e.stream_id,
            min(e.position) FILTER (WHERE e.version = 1) AS birth,
            bool_or(e.version = 1 AND e.type <> 'CREATED') AS stray,
            p_types IS NULL OR bool_or(e.type = ANY (p_types)) AS concerned
        -- The slice first (OFFSET 0): what it leaves out need not be known.
        FROM (
            SELECT *
            FROM eventstore.slice_v1(p_log, p_after, p_up_to, p_shard, p_shards, p_parked, p_only)
            OFFSET 0
        ) AS e
        WHERE incidents.knows_v2(e.type, e.schema_version, e.position)
        GROUP BY e.stream_id
    ) AS c;
    IF v_stray IS NOT NULL THEN
        -- The id is not in the message, which is the same for each such incident (see refuse_fact_v1.sql).
        RAISE EXCEPTION 'An incident has facts, but was never created'
            USING DETAIL = format('It is incident %s.', v_stray);
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.concerned_v1(
    smallint, bigint, bigint, int, int, uuid[], uuid[], text[]
) TO pulseops_app;
