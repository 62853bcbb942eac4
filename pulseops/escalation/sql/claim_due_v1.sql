-- Claims what is due at p_now, the longest due first, until the transaction ends. What another worker has
-- claimed is left to it. Escalations only: the workers that call this know no other kind. Read in the order of its index: sorted, a backlog would be read whole for each claim.
CREATE OR REPLACE FUNCTION escalation.claim_due_v1(p_log smallint, p_now timestamptz, p_limit integer)
RETURNS TABLE (incident_id uuid, step integer, due_at timestamptz, failures integer, plan jsonb)
LANGUAGE sql VOLATILE
SET plan_cache_mode = force_custom_plan
SET enable_sort = off
SET enable_seqscan = off
AS $$
    SELECT d.incident_id, d.step, d.due_at, d.failures, d.plan
    FROM escalation.deadline d
    WHERE d.log_id = p_log AND d.kind = 'escalation' AND d.due_at <= p_now AND (d.retry_at IS NULL OR d.retry_at <= p_now)
    ORDER BY d.due_at
    LIMIT p_limit
    FOR UPDATE SKIP LOCKED
$$;

GRANT EXECUTE ON FUNCTION escalation.claim_due_v1(smallint, timestamptz, integer) TO pulseops_app;
