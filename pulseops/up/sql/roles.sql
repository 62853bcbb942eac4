-- The cluster-wide roles and the application's login. Safe to repeat.
-- Expects the login's password in the session setting `pulseops.password`, so that it is in no statement.
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['pulseops_owner', 'pulseops_app', 'pulseops_analyst'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
    END IF;
  END LOOP;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pulseops') THEN
    CREATE ROLE pulseops LOGIN;
  END IF;
  EXECUTE format('ALTER ROLE pulseops PASSWORD %L', current_setting('pulseops.password'));
  GRANT pulseops_app TO pulseops;
END
$$;
