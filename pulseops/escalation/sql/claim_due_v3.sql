-- Claims what is due at p_now, the longest due first, until the transaction ends. What another worker has
-- claimed is left to it. Read in the order of its index: sorted, a backlog would be read whole for each claim.
-- `current` says whether the incident still has the facts that the deadline speaks of, and no more. An incident
-- that gets another one after this look refuses an append at `version`.
CREATE OR REPLACE FUNCTION escalation.claim_due_v3(p_log smallint, p_now timestamptz, p_limit integer)
RETURNS TABLE (
    incident_id uuid, kind text, step integer, due_at timestamptz, failures integer, plan jsonb,
    version integer, level integer, correlation_id uuid, cause_id uuid, wait_id uuid, current boolean
)
LANGUAGE sql VOLATILE
SET plan_cache_mode = force_custom_plan
SET enable_sort = off
SET enable_seqscan = off
AS $$
    SELECT d.incident_id, d.kind, d.step, d.due_at, d.failures, d.plan,
        d.version, d.level, d.correlation_id, d.cause_id, d.wait_id,
        d.version IS NOT NULL AND d.version = (
            SELECT s.version FROM eventstore.stream s WHERE s.log_id = p_log AND s.stream_id = d.incident_id
        )
    FROM escalation.deadline d
    WHERE d.log_id = p_log AND d.due_at <= p_now AND (d.retry_at IS NULL OR d.retry_at <= p_now)
    ORDER BY d.due_at
    LIMIT p_limit
    FOR UPDATE SKIP LOCKED
$$;

GRANT EXECUTE ON FUNCTION escalation.claim_due_v3(smallint, timestamptz, integer) TO pulseops_app;
