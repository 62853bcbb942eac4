-- The last statement of a sweep: appends the batch and, for what history took, moves the claimed deadlines.
-- p_moves: [{incident_id, ordinal, step, due_at, failures, retry_at, last_error}], where `ordinal` names the
-- request in the batch (absent: nothing to append, move at once) and an absent `step` ends the deadline.
-- A request that history refused (another event came first) keeps its deadline for the next sweep.
-- The moves carry the log's number so that the deadlines are looked up by their whole key, never by log_id alone.
CREATE OR REPLACE FUNCTION escalation.fire_v1(p_log smallint, p_batch jsonb, p_moves jsonb)
RETURNS TABLE (ordinal integer, verdict text, stream_id uuid, version integer, "position" bigint)
LANGUAGE sql VOLATILE
SET plan_cache_mode = force_custom_plan
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
SET jit = off
AS $$
    WITH answer AS MATERIALIZED (
        SELECT a.ordinal, a.verdict, a.stream_id, a.version, a.position
        FROM eventstore.append_v1(p_log, p_batch) a
        WHERE jsonb_array_length(p_batch) > 0
    ), move AS MATERIALIZED (
        SELECT p_log AS log_id, m.*
        FROM jsonb_to_recordset(p_moves) AS m (
            incident_id uuid, ordinal integer, step integer, due_at timestamptz,
            failures integer, retry_at timestamptz, last_error text
        )
        WHERE m.ordinal IS NULL
            OR m.ordinal = ANY (ARRAY(SELECT a.ordinal FROM answer a WHERE a.verdict IN ('stored', 'replayed')))
    ), moved AS (
        UPDATE escalation.deadline d
        SET step = m.step, due_at = m.due_at, failures = coalesce(m.failures, 0),
            retry_at = m.retry_at, last_error = m.last_error
        FROM move m
        WHERE d.log_id = m.log_id AND d.incident_id = m.incident_id AND d.kind = 'escalation'
            AND m.step IS NOT NULL
    ), ended AS (
        DELETE FROM escalation.deadline d
        USING move m
        WHERE d.log_id = m.log_id AND d.incident_id = m.incident_id AND d.kind = 'escalation'
            AND m.step IS NULL
    )
    SELECT a.ordinal, a.verdict, a.stream_id, a.version, a.position FROM answer a
$$;

GRANT EXECUTE ON FUNCTION escalation.fire_v1(smallint, jsonb, jsonb) TO pulseops_app;
