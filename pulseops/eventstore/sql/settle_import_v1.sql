-- What an append keeps beside events, made of a whole log's events alone, which came in by COPY in this transaction
-- (see eventstore/importing.py): where each stream stands, and which commands were carried out. Whether events fit
-- together is seen here, where all of them are.
-- The fingerprint of a command is in no event, and stays null: append_v2 takes that for any. A command that changed
-- nothing is in no event either, and is forgotten.
-- For the owner alone: it runs with the rights of whoever calls it, and nobody else may write these tables.
CREATE OR REPLACE FUNCTION eventstore.settle_import_v1(p_log smallint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET work_mem = '64MB'
SET jit = off
AS $$
DECLARE
  v_wrong record;
BEGIN
  SELECT w.position, w.version, w.nth INTO v_wrong
  FROM (
    SELECT e.position, e.version, row_number() OVER (PARTITION BY e.stream_id ORDER BY e.position) AS nth
    FROM eventstore.event AS e WHERE e.log_id = p_log
  ) AS w
  WHERE w.version <> w.nth ORDER BY w.position LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'line % has version % of its stream, where % is to come', v_wrong.position, v_wrong.version,
      v_wrong.nth USING ERRCODE = 'data_exception';
  END IF;

  SELECT min(e.position) AS first, max(e.position) AS again INTO v_wrong
  FROM eventstore.event AS e WHERE e.log_id = p_log
  GROUP BY e.event_id HAVING count(*) > 1 ORDER BY again LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'line % has the event of line % again', v_wrong.again, v_wrong.first
      USING ERRCODE = 'data_exception';
  END IF;

  INSERT INTO eventstore.stream (log_id, stream_id, version, first_position, last_position)
  SELECT p_log, e.stream_id, max(e.version), min(e.position), max(e.position)
  FROM eventstore.event AS e WHERE e.log_id = p_log
  GROUP BY e.stream_id;

  -- A command is one append: its events are one stream's, one after the other.
  SELECT max(e.position) AS last INTO v_wrong
  FROM eventstore.event AS e WHERE e.log_id = p_log
  GROUP BY e.command_id
  HAVING max(e.position) - min(e.position) <> count(*) - 1 OR max(e.version) - min(e.version) <> count(*) - 1
    OR min(e.recorded_at) <> max(e.recorded_at) OR count(DISTINCT e.stream_id) > 1
  ORDER BY last LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'line % belongs to the command of lines that are not just above it', v_wrong.last
      USING ERRCODE = 'data_exception';
  END IF;

  INSERT INTO eventstore.command (log_id, command_id, stream_id, version, position, recorded_at)
  SELECT p_log, e.command_id, e.stream_id, e.version, e.position, e.recorded_at
  FROM (
    SELECT DISTINCT ON (h.command_id) h.* FROM eventstore.event AS h WHERE h.log_id = p_log
    ORDER BY h.command_id, h.position DESC
  ) AS e;
END
$$;
