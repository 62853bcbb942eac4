-- Drops a generation that nobody reads: a retired one, or one that was never switched to.
CREATE OR REPLACE FUNCTION eventstore.drop_generation_v1(p_name text, p_generation smallint) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_found eventstore.generation;
BEGIN
  SELECT * INTO v_found FROM eventstore.generation g
  WHERE g.name = p_name AND g.generation = p_generation FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION '% has no generation %', p_name, p_generation USING ERRCODE = 'no_data_found';
  ELSIF v_found.state = 'live' THEN
    RAISE EXCEPTION 'Generation % of % is the one that is read', p_generation, p_name
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  EXECUTE format('DROP TABLE %I.%I', split_part(v_found.relation, '.', 1),
    split_part(v_found.relation, '.', 2) || '_' || p_generation);
  DELETE FROM eventstore.filling WHERE name = p_name AND generation = p_generation;
  DELETE FROM eventstore.generation WHERE name = p_name AND generation = p_generation;
END
$$;

GRANT EXECUTE ON FUNCTION eventstore.drop_generation_v1(text, smallint) TO pulseops_app;
