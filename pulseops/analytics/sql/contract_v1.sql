-- The version of what analysts may rely on: the views, their columns in order with names and types, and these
-- functions. A column or an object more raises the second number. Nothing is taken away or changed: what has to
-- mean something else gets another name. See docs/analytics.md.
CREATE OR REPLACE FUNCTION analytics.contract_v1() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT '1.0.0' $$;

COMMENT ON FUNCTION analytics.contract_v1 IS
  'The version of the contract: the second number grows when something is added.';
REVOKE ALL ON FUNCTION analytics.contract_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.contract_v1 TO pulseops_analyst, pulseops_app;
