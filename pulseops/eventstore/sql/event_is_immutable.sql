-- ALWAYS: session_replication_role = replica does not get past them. Row triggers, because an apply worker of
-- logical replication fires no others; partitions inherit these, but not the one that refuses TRUNCATE.
CREATE OR REPLACE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON eventstore.event
  FOR EACH ROW EXECUTE FUNCTION eventstore.refuse_change_v1();
CREATE OR REPLACE TRIGGER refuse_truncate BEFORE TRUNCATE ON eventstore.event
  FOR EACH STATEMENT EXECUTE FUNCTION eventstore.refuse_change_v1();
ALTER TABLE eventstore.event ENABLE ALWAYS TRIGGER refuse_change, ENABLE ALWAYS TRIGGER refuse_truncate;
