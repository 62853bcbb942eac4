-- Before a downgrade: functions speak of tables that are about to go. The next upgrade brings its own back.
-- Triggers stay for as long as their tables, so that history is guarded at every revision.
DO $$
DECLARE
  v_function regprocedure;
BEGIN
  FOR v_function IN
    SELECT p.oid FROM pg_proc p
    WHERE p.pronamespace::regnamespace::text = ANY ('{eventstore,incidents,escalation,access,catalog,audit,analytics}')
      AND p.prorettype <> 'trigger'::regtype
    ORDER BY p.prokind = 'a' DESC -- an aggregate goes with its function, and then has no name any more
  LOOP
    EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', v_function);
  END LOOP;
END
$$;
