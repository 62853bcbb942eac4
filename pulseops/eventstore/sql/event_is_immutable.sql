-- ALWAYS: session_replication_role = replica does not get past them. Row triggers, because an apply worker of
-- logical replication fires no others; partitions inherit these, but not the one that refuses TRUNCATE.
-- To make a trigger keeps every append waiting until the commit, so it is made only where one is missing,
-- switched off, or not what it should be.
DO $$
DECLARE
  -- pg_trigger.tgtype: row 1, before 2, delete 8, update 16, truncate 32
  c_change CONSTANT int := 1 + 2 + 8 + 16;
  c_truncate CONSTANT int := 2 + 32;
  v_table regclass;
BEGIN
  FOR v_table IN
    SELECT t.relid FROM pg_partition_tree('eventstore.event') t
    WHERE 2 > (
      SELECT count(*) FROM pg_trigger g
      WHERE g.tgrelid = t.relid AND g.tgenabled = 'A' AND g.tgqual IS NULL AND g.tgattr = ''
        AND g.tgfoid = 'eventstore.refuse_change_v1'::regproc
        AND (g.tgname, g.tgtype) IN (('refuse_change', c_change), ('refuse_truncate', c_truncate))
    )
    ORDER BY t.level
  LOOP
    IF v_table = 'eventstore.event'::regclass THEN
      EXECUTE format('CREATE OR REPLACE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON %s '
        'FOR EACH ROW EXECUTE FUNCTION eventstore.refuse_change_v1()', v_table);
    END IF;
    EXECUTE format('CREATE OR REPLACE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s '
      'FOR EACH STATEMENT EXECUTE FUNCTION eventstore.refuse_change_v1()', v_table);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER refuse_change, ENABLE ALWAYS TRIGGER refuse_truncate',
      v_table);
  END LOOP;
END
$$;
