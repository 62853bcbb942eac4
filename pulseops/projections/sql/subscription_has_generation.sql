-- To make a trigger keeps every worker's checkpoint waiting until the commit, so it is made only where it is
-- missing, switched off, or not what it should be.
DO $$
DECLARE
  c_before_insert CONSTANT int := 1 + 2 + 4; -- pg_trigger.tgtype: row 1, before 2, insert 4
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_trigger g
    WHERE g.tgrelid = 'eventstore.subscription'::regclass AND g.tgname = 'subscription_has_generation'
      AND g.tgtype = c_before_insert AND g.tgenabled IN ('O', 'A') AND g.tgqual IS NULL
      AND g.tgfoid = 'eventstore.generation_of_subscription_v1'::regproc
  ) THEN
    CREATE OR REPLACE TRIGGER subscription_has_generation BEFORE INSERT ON eventstore.subscription
      FOR EACH ROW EXECUTE FUNCTION eventstore.generation_of_subscription_v1();
    ALTER TABLE eventstore.subscription ENABLE TRIGGER subscription_has_generation;
  END IF;
END
$$;
