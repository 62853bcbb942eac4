-- The logs in which something is due at p_now, so that a sweep of many quiet logs is one look.
-- One row is looked up for each log (a scalar subquery is never made a join): planned while the table was empty,
-- a join would read every deadline there is.
CREATE OR REPLACE FUNCTION escalation.due_logs_v1(p_now timestamptz) RETURNS SETOF smallint
LANGUAGE sql STABLE
SET plan_cache_mode = force_custom_plan
SET enable_sort = off
SET enable_seqscan = off
AS $$
    SELECT l.log_id
    FROM eventstore.log l
    WHERE (
        SELECT true FROM escalation.deadline d
        WHERE d.log_id = l.log_id AND d.due_at <= p_now AND (d.retry_at IS NULL OR d.retry_at <= p_now)
        ORDER BY d.due_at
        LIMIT 1
    )
    ORDER BY l.log_id
$$;

GRANT EXECUTE ON FUNCTION escalation.due_logs_v1(timestamptz) TO pulseops_app;
