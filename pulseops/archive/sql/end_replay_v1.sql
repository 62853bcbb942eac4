-- Drops what a replay made, or left. Nothing but tables of the schema replay.
CREATE OR REPLACE FUNCTION audit.end_replay_v1() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_table regclass;
BEGIN
  FOR v_table IN
    SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = 'replay'::regnamespace AND c.relkind = 'r'
  LOOP
    EXECUTE format('DROP TABLE %s', v_table);
  END LOOP;
END
$$;

GRANT EXECUTE ON FUNCTION audit.end_replay_v1() TO pulseops_app;
