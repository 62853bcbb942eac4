-- Removes the deadlines of incidents that were ACKNOWLEDGED or RESOLVED in a slice of history (see
-- subscriptions/slices.py).
-- The array and the whole key keep the planner at the key's index, however little it knows of the table.
CREATE OR REPLACE FUNCTION escalation.stop_deadlines_v2(
    p_log smallint, p_after bigint, p_up_to bigint, p_shard int, p_shards int, p_parked uuid[], p_only uuid[]
)
RETURNS void
LANGUAGE sql VOLATILE
AS $$
    DELETE FROM escalation.deadline d
    WHERE d.log_id = p_log AND d.kind = 'escalation'
        AND d.incident_id = ANY (ARRAY(
            SELECT e.stream_id
            FROM eventstore.slice_v1(p_log, p_after, p_up_to, p_shard, p_shards, p_parked, p_only) e
            WHERE e.type IN ('ACKNOWLEDGED', 'RESOLVED')
        ))
$$;

GRANT EXECUTE ON FUNCTION escalation.stop_deadlines_v2(
    smallint, bigint, bigint, int, int, uuid[], uuid[]
) TO pulseops_app;
