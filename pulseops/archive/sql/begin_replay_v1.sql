-- Empty tables in the schema replay, one for each of these read models and with its columns; what an earlier replay left there
-- goes. They are not logged: nothing of them is worth a recovery, and replicas are not told of them.
CREATE OR REPLACE FUNCTION audit.begin_replay_v1(p_names text[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_relation text;
  v_schema text;
  v_table text;
BEGIN
  PERFORM audit.end_replay_v1();
  FOR v_relation IN
    SELECT g.relation FROM eventstore.generation AS g WHERE g.state = 'live' AND g.name = ANY (p_names)
  LOOP
    v_schema := split_part(v_relation, '.', 1);
    v_table := split_part(v_relation, '.', 2);
    EXECUTE format('CREATE UNLOGGED TABLE replay.%I (LIKE %I.%I INCLUDING COMMENTS)', v_table, v_schema, v_table);
    EXECUTE format('COMMENT ON TABLE replay.%I IS %L', v_table,
      format('What history says that %s should be, as of a replay.', v_relation));
    EXECUTE format('GRANT SELECT, INSERT ON replay.%I TO pulseops_app', v_table);
  END LOOP;
END
$$;

GRANT EXECUTE ON FUNCTION audit.begin_replay_v1(text[]) TO pulseops_app;
