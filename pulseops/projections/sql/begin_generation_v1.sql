-- The generation of a read model that is being filled, made if there is none: the live table's columns in a
-- table of its own, without indexes. Analysts do not see it before it is switched to.
CREATE OR REPLACE FUNCTION eventstore.begin_generation_v1(p_name text) RETURNS smallint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_live eventstore.generation;
  v_next smallint;
  v_schema text;
  v_table text;
  v_from text;
  v_options text;
BEGIN
  SELECT * INTO v_live FROM eventstore.generation g WHERE g.name = p_name AND g.state = 'live' FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'There is no read model named %', p_name USING ERRCODE = 'no_data_found';
  END IF;
  SELECT g.generation INTO v_next FROM eventstore.generation g
  WHERE g.name = p_name AND g.state IN ('filling', 'ready');
  IF FOUND THEN
    RETURN v_next;
  END IF;
  SELECT max(g.generation) + 1 INTO v_next FROM eventstore.generation g WHERE g.name = p_name;
  v_schema := split_part(v_live.relation, '.', 1);
  v_table := split_part(v_live.relation, '.', 2) || '_' || v_next;
  v_from := split_part(v_live.relation, '.', 2) || '_' || v_live.generation;
  SELECT array_to_string(c.reloptions, ', ') INTO v_options FROM pg_class c
  WHERE c.oid = to_regclass(format('%I.%I', v_schema, v_from));
  EXECUTE format('CREATE TABLE %I.%I (LIKE %I.%I INCLUDING ALL EXCLUDING INDEXES)%s', v_schema, v_table,
    v_schema, v_from, ' WITH (' || v_options || ')');
  EXECUTE format('COMMENT ON TABLE %I.%I IS %L', v_schema, v_table,
    format('Generation %s of %s, which is what to read.', v_next, v_live.relation));
  EXECUTE format('REVOKE ALL ON %I.%I FROM pulseops_analyst', v_schema, v_table);
  INSERT INTO eventstore.generation (name, generation, relation, state, begun_at, changed_at)
  VALUES (p_name, v_next, v_live.relation, 'filling', clock_timestamp(), clock_timestamp());
  RETURN v_next;
END
$$;

GRANT EXECUTE ON FUNCTION eventstore.begin_generation_v1(text) TO pulseops_app;
