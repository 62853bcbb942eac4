-- The whole history of each of the incidents, stream by stream, in order.
-- Each stream is looked up by itself (OFFSET 0 keeps it so): planned while the tables were empty, a join
-- would go by log_id alone and read the whole log for each incident. Its positions leave only its partitions.
CREATE OR REPLACE FUNCTION escalation.histories_v1(p_log smallint, p_incidents uuid[])
RETURNS SETOF eventstore.event
LANGUAGE sql STABLE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $$
    SELECT e.*
    FROM unnest(p_incidents) WITH ORDINALITY AS i (incident_id, ordinal)
    CROSS JOIN LATERAL (
        SELECT h.* FROM eventstore.event h
        WHERE h.log_id = p_log AND h.stream_id = i.incident_id AND h.version BETWEEN 1 AND 2147483647
            AND h.position BETWEEN
                (SELECT s.first_position FROM eventstore.stream s
                    WHERE s.log_id = p_log AND s.stream_id = i.incident_id)
                AND (SELECT s.last_position FROM eventstore.stream s
                    WHERE s.log_id = p_log AND s.stream_id = i.incident_id)
        OFFSET 0
    ) e
    ORDER BY i.ordinal, e.version
$$;

GRANT EXECUTE ON FUNCTION escalation.histories_v1(smallint, uuid[]) TO pulseops_app;
