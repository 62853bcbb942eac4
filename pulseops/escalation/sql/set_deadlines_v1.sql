-- Brings the deadlines of some incidents in line with what they wait for (see waits_v1).
-- p_waits: {incident: {kind: fact that the wait began with, level, since}}, without the kinds that it does not wait
-- for; `level` was reached in the wait for an answer, `since` is the version of the fact that began it. p_starts:
-- [{incident_id, kind, step, due_at, plan, version, level, correlation_id, cause_id, wait_id}].
-- A deadline of the same wait stays as it is: its plan is pinned, and its step may have moved on. Those that name no
-- wait were written by a worker of the release before: theirs is over when another began after their version.
-- The arrays and the whole key keep the planner at the key's index, however little it knows of the table.
CREATE OR REPLACE FUNCTION escalation.set_deadlines_v1(p_log smallint, p_waits jsonb, p_starts jsonb)
RETURNS void
LANGUAGE sql VOLATILE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $$
    DELETE FROM escalation.deadline d
    WHERE d.log_id = p_log
        AND d.incident_id = ANY (ARRAY(SELECT k::uuid FROM jsonb_object_keys(p_waits) k))
        AND d.kind = ANY ('{acknowledgement,escalation,incident,snooze}')
        AND (
            CASE
                WHEN d.wait_id IS NOT NULL
                    THEN d.wait_id IS DISTINCT FROM (p_waits -> d.incident_id::text ->> d.kind)::uuid
                ELSE coalesce(
                    (p_waits -> d.incident_id::text ->> 'since')::integer > d.version,
                    (p_waits -> d.incident_id::text ->> 'since') IS NULL
                )
            END
            OR d.kind = 'escalation' AND d.step <= (p_waits -> d.incident_id::text ->> 'level')::integer
        );

    INSERT INTO escalation.deadline (
        log_id, incident_id, kind, step, due_at, plan, version, level, correlation_id, cause_id, wait_id
    )
    SELECT p_log, s.incident_id, s.kind, s.step, s.due_at, s.plan,
        s.version, s.level, s.correlation_id, s.cause_id, s.wait_id
    FROM jsonb_to_recordset(p_starts) AS s (
        incident_id uuid, kind text, step integer, due_at timestamptz, plan jsonb,
        version integer, level integer, correlation_id uuid, cause_id uuid, wait_id uuid
    )
    ON CONFLICT DO NOTHING
$$;

GRANT EXECUTE ON FUNCTION escalation.set_deadlines_v1(smallint, jsonb, jsonb) TO pulseops_app;
