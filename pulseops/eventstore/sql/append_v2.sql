-- As append_v1, which stays for processes of the release before, and more: a request without events, and groups.
-- Without events only the command is recorded, at the version and position that the stream has (0, 0: there is
-- none): nothing takes a position, no name is taken or given back, and a repetition is `replayed` all the same.
-- Requests of one `bundle` are stored together or not at all: where one is not stored, the rest is `void`.
-- A command whose fingerprint is not known, because it came in with an import, is the same as any under its id.
-- The lock on the log's row comes first and is a statement of its own, so that everything after it sees every
-- earlier append: position order is commit order, and only what is stored takes a position. It is no advisory
-- lock, because any login could take that, and stop every append for as long as it likes.
-- Every look-up is a scalar subquery on a whole key: planned while the tables were empty, a join would go by
-- log_id alone and read the whole log for ever after. The settings keep the one plan cheap and the same.
-- `ordinal` counts the requests from 1. A stream, command or name that is stored twice in one batch is an error.
CREATE OR REPLACE FUNCTION eventstore.append_v2(p_log smallint, p_batch jsonb)
RETURNS TABLE (ordinal int, verdict text, stream_id uuid, version int, "position" bigint, recorded_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  c_least_bytes CONSTANT int := 100; -- that an event takes in p_batch
  v_floor bigint;
  v_floor_time timestamptz;
  v_head bigint;
  v_now timestamptz;
  v_last timestamptz;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'Append at READ COMMITTED: a % snapshot may be older than the lock.',
      upper(current_setting('transaction_isolation')) USING ERRCODE = 'invalid_transaction_state';
  END IF;
  SELECT l.floor_position, l.floor_time INTO v_floor, v_floor_time
    FROM eventstore.log l WHERE l.log_id = p_log FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'There is no log %.', p_log USING ERRCODE = 'no_data_found';
  END IF;
  SELECT e.position, e.recorded_at INTO v_head, v_last FROM eventstore.event e
    WHERE e.log_id = p_log AND e.position > v_floor ORDER BY e.position DESC LIMIT 1;
  v_head := coalesce(v_head, v_floor);
  v_now := greatest(clock_timestamp(), v_last, v_floor_time);
  IF (v_head >> 24) <> ((v_head + pg_column_size(p_batch) / c_least_bytes) >> 24) THEN
    PERFORM eventstore.ensure_partitions_v1();
  END IF;

  RETURN QUERY
  WITH request AS MATERIALIZED (
    SELECT r.*, jsonb_array_length(r.events) AS size,
      CASE WHEN jsonb_array_length(r.events) = 0 THEN coalesce((SELECT s.last_position FROM eventstore.stream s
        WHERE s.log_id = p_log AND s.stream_id = r.stream_id), 0) END AS unmoved,
      coalesce((SELECT s.version FROM eventstore.stream s
        WHERE s.log_id = p_log AND s.stream_id = r.stream_id), 0) AS current_version,
      (SELECT c FROM eventstore.command c
        WHERE c.log_id = p_log AND c.command_id = r.command_id) AS earlier,
      (SELECT c.stream_id FROM eventstore.claim c
        WHERE c.log_id = p_log AND c.name = r.take) AS holder,
      (SELECT c.name FROM eventstore.claim c
        WHERE c.log_id = p_log AND c.name = r.release AND c.stream_id = r.stream_id) AS released
    FROM ROWS FROM (jsonb_to_recordset(p_batch) AS (
      stream_id uuid, expected_version int, command_id uuid, events jsonb, fingerprint uuid, take text, release text,
      bundle int
    )) WITH ORDINALITY AS r(
      stream_id, expected_version, command_id, events, fingerprint, take, release, bundle, ordinal
    )
  ), alone AS NOT MATERIALIZED (
    SELECT r.*, CASE
      WHEN (r.earlier).command_id IS NOT NULL THEN
        CASE WHEN coalesce((r.earlier).fingerprint, r.fingerprint) IS NOT DISTINCT FROM r.fingerprint
          THEN 'replayed' ELSE 'reused' END
      WHEN r.expected_version IS DISTINCT FROM r.current_version THEN 'conflict'
      WHEN r.holder <> r.stream_id THEN 'taken'
      ELSE 'stored' END AS own_verdict
    FROM request r
  ), judged AS (
    -- The list of what a refusal brought down is only made where there are groups.
    SELECT a.*, CASE WHEN a.bundle IS NOT NULL AND a.own_verdict = 'stored' AND a.bundle = ANY (ARRAY(
        SELECT o.bundle FROM alone o WHERE o.bundle IS NOT NULL AND o.own_verdict <> 'stored'))
      THEN 'void' ELSE a.own_verdict END AS verdict
    FROM alone a
  ), placed AS MATERIALIZED (
    SELECT j.*, v_head + coalesce(sum(j.size) FILTER (WHERE j.verdict = 'stored') OVER (
      ORDER BY j.ordinal ROWS UNBOUNDED PRECEDING), 0)::bigint AS last_position
    FROM judged j
  ), stored AS MATERIALIZED (
    SELECT p.*, p.current_version + p.size AS new_version, p.size > 0 AS moved FROM placed p
    WHERE p.verdict = 'stored'
  ), new_streams AS (
    INSERT INTO eventstore.stream AS s (log_id, stream_id, version, first_position, last_position)
    SELECT p_log, n.stream_id, n.new_version, n.last_position - n.size + 1, n.last_position FROM stored n
    WHERE n.moved
    ON CONFLICT (log_id, stream_id)
      DO UPDATE SET version = excluded.version, last_position = excluded.last_position
  ), new_events AS (
    INSERT INTO eventstore.event (log_id, position, stream_id, version, type, schema_version,
      event_id, command_id, occurred_at, recorded_at, data, meta)
    -- A shape below all, and a time that most calendars lack, count as missing: nobody could read or seal them.
    SELECT p_log, n.last_position - n.size + e.nth, n.stream_id, n.current_version + e.nth, e.type,
      CASE WHEN e.schema_version >= 0 THEN e.schema_version END, e.event_id, n.command_id,
      CASE WHEN e.occurred_at >= '0001-01-01Z' AND e.occurred_at < '10000-01-01Z' THEN e.occurred_at END,
      v_now, e.data, e.meta
    FROM stored n CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(n.events) AS (
      type text, schema_version smallint, event_id uuid, occurred_at timestamptz, data jsonb, meta jsonb
    )) WITH ORDINALITY AS e(type, schema_version, event_id, occurred_at, data, meta, nth)
  ), new_commands AS (
    INSERT INTO eventstore.command (log_id, command_id, fingerprint, stream_id, version, position, recorded_at)
    SELECT p_log, n.command_id, n.fingerprint, n.stream_id, n.new_version,
      coalesce(n.unmoved, n.last_position), v_now
    FROM stored n
  ), new_claims AS (
    -- A name that is taken and given back by the same request ends up free.
    INSERT INTO eventstore.claim (log_id, name, stream_id)
    SELECT p_log, n.take, n.stream_id FROM stored n
    WHERE n.moved AND n.take IS NOT NULL AND n.holder IS NULL AND n.take IS DISTINCT FROM n.release
  ), old_claims AS (
    DELETE FROM eventstore.claim c
    WHERE c.log_id = p_log
      AND c.name = ANY (ARRAY(SELECT n.released FROM stored n WHERE n.moved AND n.released IS NOT NULL))
  )
  SELECT p.ordinal::int, p.verdict,
    CASE p.verdict WHEN 'taken' THEN p.holder
      WHEN 'replayed' THEN (p.earlier).stream_id WHEN 'reused' THEN (p.earlier).stream_id ELSE p.stream_id END,
    CASE p.verdict WHEN 'stored' THEN p.current_version + p.size
      WHEN 'replayed' THEN (p.earlier).version WHEN 'reused' THEN (p.earlier).version ELSE p.current_version END,
    CASE p.verdict WHEN 'stored' THEN coalesce(p.unmoved, p.last_position)
      WHEN 'replayed' THEN (p.earlier).position WHEN 'reused' THEN (p.earlier).position ELSE 0 END,
    CASE p.verdict WHEN 'stored' THEN v_now
      WHEN 'replayed' THEN (p.earlier).recorded_at WHEN 'reused' THEN (p.earlier).recorded_at END
  FROM placed p ORDER BY p.ordinal;
END
$$;

GRANT EXECUTE ON FUNCTION eventstore.append_v2(smallint, jsonb) TO pulseops_app;
