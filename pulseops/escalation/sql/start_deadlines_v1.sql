-- Sets the deadlines of newly assigned incidents: [{incident_id, step, due_at, plan}]. A deadline that is
-- there stays as it is: its plan is pinned, and its step may have moved on.
CREATE OR REPLACE FUNCTION escalation.start_deadlines_v1(p_log smallint, p_deadlines jsonb)
RETURNS void
LANGUAGE sql VOLATILE
AS $$
    INSERT INTO escalation.deadline (log_id, incident_id, kind, step, due_at, plan)
    SELECT p_log, d.incident_id, 'escalation', d.step, d.due_at, d.plan
    FROM jsonb_to_recordset(p_deadlines) AS d (incident_id uuid, step integer, due_at timestamptz, plan jsonb)
    ON CONFLICT DO NOTHING
$$;

GRANT EXECUTE ON FUNCTION escalation.start_deadlines_v1(smallint, jsonb) TO pulseops_app;
