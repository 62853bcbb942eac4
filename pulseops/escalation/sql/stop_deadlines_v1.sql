-- Removes the deadlines of incidents that were ACKNOWLEDGED or RESOLVED in (p_after, p_up_to].
-- The array and the whole key keep the planner at the key's index, however little it knows of the table.
CREATE OR REPLACE FUNCTION escalation.stop_deadlines_v1(p_log smallint, p_after bigint, p_up_to bigint)
RETURNS void
LANGUAGE sql VOLATILE
AS $$
    DELETE FROM escalation.deadline d
    WHERE d.log_id = p_log AND d.kind = 'escalation'
        AND d.incident_id = ANY (ARRAY(
            SELECT e.stream_id
            FROM eventstore.event e
            WHERE e.log_id = p_log AND e.position > p_after AND e.position <= p_up_to
                AND e.type IN ('ACKNOWLEDGED', 'RESOLVED')
        ))
$$;

GRANT EXECUTE ON FUNCTION escalation.stop_deadlines_v1(smallint, bigint, bigint) TO pulseops_app;
