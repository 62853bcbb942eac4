-- A subscription that begins, in a new log or a new shard, writes the generation that is live. The live row is
-- held until the end of the transaction, so that a switch at the same moment sees the new subscription.
CREATE OR REPLACE FUNCTION eventstore.generation_of_subscription_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF EXISTS (
    SELECT FROM eventstore.subscription s
    WHERE s.log_id = NEW.log_id AND s.name = NEW.name AND s.shard = NEW.shard
  ) THEN
    RETURN NEW; -- it is refused in a moment: no need to hold anything
  END IF;
  WHILE EXISTS (SELECT FROM eventstore.generation g WHERE g.name = NEW.name) LOOP
    SELECT g.generation INTO NEW.generation FROM eventstore.generation g
    WHERE g.name = NEW.name AND g.state = 'live' FOR SHARE;
    EXIT WHEN FOUND; -- not found: a switch came in between, and another one is live
  END LOOP;
  RETURN NEW;
END
$$;
