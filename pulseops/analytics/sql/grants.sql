-- Analysts have the views and nothing behind them: what they were once granted, or somebody granted them by hand,
-- is taken back. Only where there is something to take, so that nothing else is touched.
DO $$
DECLARE
  c_schemas CONSTANT text[] := '{eventstore,incidents,escalation,access,catalog,audit}';
  c_analyst CONSTANT oid := 'pulseops_analyst'::regrole;
  v_object text;
BEGIN
  FOR v_object IN
    SELECT c.oid::regclass FROM pg_class c
    WHERE c.relnamespace::regnamespace::text = ANY (c_schemas) AND (
      EXISTS (SELECT FROM aclexplode(c.relacl) x WHERE x.grantee IN (c_analyst, 0))
      OR EXISTS (SELECT FROM pg_attribute a, aclexplode(a.attacl) x
        WHERE a.attrelid = c.oid AND x.grantee IN (c_analyst, 0))
    )
  LOOP
    EXECUTE format('REVOKE ALL ON %s FROM pulseops_analyst, PUBLIC', v_object);
  END LOOP;
  FOR v_object IN
    SELECT p.oid::regprocedure FROM pg_proc p
    WHERE p.pronamespace::regnamespace::text = ANY (c_schemas)
      AND EXISTS (SELECT FROM aclexplode(p.proacl) x WHERE x.grantee IN (c_analyst, 0))
  LOOP
    EXECUTE format('REVOKE ALL ON ROUTINE %s FROM pulseops_analyst, PUBLIC', v_object);
  END LOOP;
END
$$;
