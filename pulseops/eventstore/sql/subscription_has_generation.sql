-- To make a trigger keeps every batch waiting until the commit, so it is made only where it is missing, switched
-- off, or not what it should be.
DO $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_trigger g
    WHERE g.tgrelid = 'eventstore.subscription'::regclass AND g.tgname = 'subscription_has_generation'
      AND g.tgenabled = 'O' AND g.tgqual IS NULL AND g.tgattr = ''
      AND g.tgfoid = 'eventstore.generation_of_subscription_v1'::regproc
      AND g.tgtype = 1 + 2 + 4 -- row, before, insert
  ) THEN
    CREATE OR REPLACE TRIGGER subscription_has_generation BEFORE INSERT ON eventstore.subscription
      FOR EACH ROW EXECUTE FUNCTION eventstore.generation_of_subscription_v1();
    ALTER TABLE eventstore.subscription ENABLE TRIGGER subscription_has_generation;
  END IF;
END
$$;
