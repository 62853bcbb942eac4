CREATE OR REPLACE TRIGGER subscription_has_generation BEFORE INSERT ON eventstore.subscription
  FOR EACH ROW EXECUTE FUNCTION eventstore.generation_of_subscription_v1();
