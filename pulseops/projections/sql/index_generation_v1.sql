-- Gives a filled generation the indexes and the primary key of the live one, under names of its own, and tells
-- the planner about it.
CREATE OR REPLACE FUNCTION eventstore.index_generation_v1(p_name text, p_generation smallint) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET maintenance_work_mem = '256MB'
AS $$
DECLARE
  v_live eventstore.generation;
  v_schema text;
  v_base text;
  v_table text;
  v_index record;
BEGIN
  SELECT * INTO v_live FROM eventstore.generation g WHERE g.name = p_name AND g.state = 'live';
  PERFORM FROM eventstore.generation g
  WHERE g.name = p_name AND g.generation = p_generation AND g.state = 'filling' FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'Generation % of % is not being filled', p_generation, p_name
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  v_schema := split_part(v_live.relation, '.', 1);
  v_base := split_part(v_live.relation, '.', 2);
  v_table := v_base || '_' || p_generation;
  FOR v_index IN
    SELECT pg_get_indexdef(i.indexrelid) AS definition, i.indisprimary, c.relname,
      v_table || substr(c.relname, length(v_base || '_' || v_live.generation) + 1) AS name
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = to_regclass(format('%I.%I', v_schema, v_base || '_' || v_live.generation))
    ORDER BY i.indisprimary DESC, c.relname
  LOOP
    -- Its definition is: CREATE [UNIQUE] INDEX name ON table USING …
    EXECUTE regexp_replace(v_index.definition, '^(CREATE (UNIQUE )?INDEX )\S+ ON \S+ ',
      format('\1%I ON %I.%I ', v_index.name, v_schema, v_table));
    IF v_index.indisprimary THEN
      EXECUTE format('ALTER TABLE %I.%I ADD CONSTRAINT %I PRIMARY KEY USING INDEX %I', v_schema, v_table,
        v_index.name, v_index.name);
    END IF;
  END LOOP;
  EXECUTE format('ANALYZE %I.%I', v_schema, v_table);
  UPDATE eventstore.generation SET state = 'ready', changed_at = clock_timestamp()
  WHERE name = p_name AND generation = p_generation;
END
$$;

GRANT EXECUTE ON FUNCTION eventstore.index_generation_v1(text, smallint) TO pulseops_app;
