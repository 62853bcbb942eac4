-- From the end of the transaction on, everybody reads and every subscription writes this generation. The caller
-- has brought it to the positions of the subscriptions, and holds their rows. Where that is not so, because a log
-- began meanwhile, it is refused as a lock that was not to be had: the caller brings it there, and tries again.
-- Rights and comments belong to the view, and stay.
CREATE OR REPLACE FUNCTION eventstore.switch_generation_v1(p_name text, p_generation smallint) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_live eventstore.generation;
  v_schema text;
  v_view text;
  v_columns text;
  v_ahead record;
BEGIN
  SELECT * INTO v_live FROM eventstore.generation g WHERE g.name = p_name AND g.state = 'live' FOR UPDATE;
  PERFORM FROM eventstore.generation g
  WHERE g.name = p_name AND g.generation = p_generation AND g.state = 'ready' FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'Generation % of % is not ready', p_generation, p_name
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  v_schema := split_part(v_live.relation, '.', 1);
  v_view := split_part(v_live.relation, '.', 2);
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO v_columns
  FROM pg_attribute a
  WHERE a.attrelid = to_regclass(v_live.relation) AND a.attnum > 0 AND NOT a.attisdropped;
  EXECUTE format('CREATE OR REPLACE VIEW %I.%I AS SELECT %s FROM %I.%I', v_schema, v_view, v_columns,
    v_schema, v_view || '_' || p_generation);
  UPDATE eventstore.generation SET state = 'retired', changed_at = clock_timestamp()
  WHERE name = p_name AND generation = v_live.generation;
  UPDATE eventstore.generation SET state = 'live', changed_at = clock_timestamp()
  WHERE name = p_name AND generation = p_generation;
  UPDATE eventstore.subscription SET generation = p_generation WHERE name = p_name;
  -- All rows are held by now: others may only begin, and do so at 0.
  SELECT s.log_id, min(s.position) AS position INTO v_ahead
  FROM eventstore.subscription s
  LEFT JOIN eventstore.filling f
    ON f.log_id = s.log_id AND f.name = s.name AND f.generation = p_generation AND f.lane = 0
  WHERE s.name = p_name
  GROUP BY s.log_id
  HAVING min(s.position) > coalesce(max(f.position), 0)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'Log % is at % in generation % of %, and generation % is not', v_ahead.log_id,
      v_ahead.position, v_live.generation, p_name, p_generation
      USING ERRCODE = 'lock_not_available';
  END IF;
  DELETE FROM eventstore.filling WHERE name = p_name AND generation = p_generation;
END
$$;

GRANT EXECUTE ON FUNCTION eventstore.switch_generation_v1(text, smallint) TO pulseops_app;
