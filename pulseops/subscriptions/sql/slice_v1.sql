-- The events of a slice (see subscriptions/slices.py), in no particular order: those after p_after up to p_up_to, of
-- the streams whose bucket falls to p_shard of p_shards, but for the parked ones. With p_only, nothing but these
-- streams, looked up one by one.
-- Plain enough for the planner to put it into the query that calls it: no SET, no STRICT, not the owner's rights.
CREATE OR REPLACE FUNCTION eventstore.slice_v1(
    p_log smallint, p_after bigint, p_up_to bigint, p_shard int, p_shards int, p_parked uuid[], p_only uuid[]
)
RETURNS SETOF eventstore.event
LANGUAGE sql STABLE
AS $$
    SELECT e.*
    FROM eventstore.event AS e
    WHERE coalesce(cardinality(p_only), 0) = 0
      AND e.log_id = p_log AND e.position > p_after AND e.position <= p_up_to
      AND (p_shards = 1 OR get_byte(uuid_send(e.stream_id), 15) % p_shards = p_shard)
      AND (coalesce(cardinality(p_parked), 0) = 0 OR e.stream_id <> ALL (p_parked))
    UNION ALL
    SELECT h.*
    FROM unnest(p_only) AS o (stream_id)
    CROSS JOIN LATERAL (
        -- The whole key but for its last column, or the planner may prefer the positions.
        SELECT e.* FROM eventstore.event AS e
        WHERE e.log_id = p_log AND e.stream_id = o.stream_id AND e.version BETWEEN 1 AND 2147483647
          AND e.position > p_after AND e.position <= p_up_to
        OFFSET 0
    ) AS h
$$;

GRANT EXECUTE ON FUNCTION
    eventstore.slice_v1(smallint, bigint, bigint, int, int, uuid[], uuid[]) TO pulseops_app;
