-- The whole history of each of the incidents, stream by stream, in order.
-- A stream's first and last position leave only its partitions to look into.
CREATE OR REPLACE FUNCTION escalation.histories_v1(p_log smallint, p_incidents uuid[])
RETURNS SETOF eventstore.event
LANGUAGE sql STABLE
SET plan_cache_mode = force_custom_plan
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
AS $$
    SELECT e.*
    FROM unnest(p_incidents) AS i (incident_id)
    JOIN eventstore.stream s ON s.log_id = p_log AND s.stream_id = i.incident_id
    JOIN eventstore.event e ON e.log_id = p_log AND e.stream_id = i.incident_id
        AND e.version BETWEEN 1 AND s.version
        AND e.position BETWEEN s.first_position AND s.last_position
    ORDER BY e.stream_id, e.version
$$;

GRANT EXECUTE ON FUNCTION escalation.histories_v1(smallint, uuid[]) TO pulseops_app;
