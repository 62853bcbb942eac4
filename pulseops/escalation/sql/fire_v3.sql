-- The last statement of a sweep: appends the batch and, for what history took, moves the claimed deadlines.
-- p_moves: [{incident_id, kind, ordinal, step, due_at, failures, retry_at, last_error, version, level,
-- correlation_id, cause_id, wait_id}], where `ordinal` names the request in the batch (absent: nothing to append, move
-- at once) and an absent `step` ends the deadline. A request that history refused (another event came first) keeps its
-- deadline for the next sweep. One that it had taken before says nothing of where the incident stands now: no version.
-- The moves carry the whole key, so that each deadline is looked up by it, never by log_id or kind alone;
-- the answers are an array, because a join that is no hash join would compare each with each.
CREATE OR REPLACE FUNCTION escalation.fire_v3(p_log smallint, p_batch jsonb, p_moves jsonb)
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
        FROM eventstore.append_v2(p_log, p_batch) a
        WHERE jsonb_array_length(p_batch) > 0
    ), versions AS MATERIALIZED (
        -- By ordinal: the stream's version after the request; 0 when it was replayed, -1 when it was refused.
        SELECT array_agg(
            CASE a.verdict WHEN 'stored' THEN a.version WHEN 'replayed' THEN 0 ELSE -1 END ORDER BY a.ordinal
        ) AS after
        FROM answer a
    ), move AS MATERIALIZED (
        SELECT p_log AS log_id, m.kind, m.incident_id, m.step, m.due_at, m.failures, m.retry_at, m.last_error,
            CASE WHEN m.ordinal IS NULL THEN m.version ELSE nullif((SELECT v.after FROM versions v)[m.ordinal], 0) END
                AS version,
            m.level, m.correlation_id, m.cause_id, m.wait_id
        FROM jsonb_to_recordset(p_moves) AS m (
            incident_id uuid, kind text, ordinal integer, step integer, due_at timestamptz,
            failures integer, retry_at timestamptz, last_error text,
            version integer, level integer, correlation_id uuid, cause_id uuid, wait_id uuid
        )
        WHERE m.ordinal IS NULL OR (SELECT v.after FROM versions v)[m.ordinal] >= 0
    ), moved AS (
        UPDATE escalation.deadline d
        SET step = m.step, due_at = m.due_at, failures = coalesce(m.failures, 0),
            retry_at = m.retry_at, last_error = m.last_error,
            version = m.version, level = m.level, correlation_id = m.correlation_id, cause_id = m.cause_id,
            wait_id = coalesce(m.wait_id, d.wait_id)
        FROM move m
        WHERE d.log_id = m.log_id AND d.incident_id = m.incident_id AND d.kind = m.kind
            AND m.step IS NOT NULL
    ), ended AS (
        DELETE FROM escalation.deadline d
        USING move m
        WHERE d.log_id = m.log_id AND d.incident_id = m.incident_id AND d.kind = m.kind
            AND m.step IS NULL
    )
    SELECT a.ordinal, a.verdict, a.stream_id, a.version, a.position FROM answer a
$$;

GRANT EXECUTE ON FUNCTION escalation.fire_v3(smallint, jsonb, jsonb) TO pulseops_app;
