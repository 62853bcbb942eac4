-- Sets the deadlines of newly assigned incidents, and how each incident stood then: [{incident_id, step, due_at,
-- plan, version, level, correlation_id, cause_id}]. A deadline that is there stays as it is: its plan is pinned,
-- and its step may have moved on.
CREATE OR REPLACE FUNCTION escalation.start_deadlines_v2(p_log smallint, p_deadlines jsonb)
RETURNS void
LANGUAGE sql VOLATILE
AS $$
    INSERT INTO escalation.deadline (
        log_id, incident_id, kind, step, due_at, plan, version, level, correlation_id, cause_id
    )
    SELECT p_log, d.incident_id, 'escalation', d.step, d.due_at, d.plan,
        d.version, d.level, d.correlation_id, d.cause_id
    FROM jsonb_to_recordset(p_deadlines) AS d (
        incident_id uuid, step integer, due_at timestamptz, plan jsonb,
        version integer, level integer, correlation_id uuid, cause_id uuid
    )
    ON CONFLICT DO NOTHING
$$;

GRANT EXECUTE ON FUNCTION escalation.start_deadlines_v2(smallint, jsonb) TO pulseops_app;
