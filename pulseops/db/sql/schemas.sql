-- One schema a room, all of one owner that nobody can log in as. The version table lies in eventstore,
-- so the schemas come before the first revision and go after the last downgrade.
DO $$
BEGIN
  IF NOT has_database_privilege(current_database(), 'CREATE') THEN
    RAISE EXCEPTION 'The login % may not create schemas in the database %.', current_user, current_database()
      USING ERRCODE = 'insufficient_privilege',
            HINT = 'Migrate as a superuser, or as a login that has CREATEROLE and owns the database.';
  END IF;
END
$$;

CREATE SCHEMA IF NOT EXISTS eventstore AUTHORIZATION pulseops_owner;
CREATE SCHEMA IF NOT EXISTS incidents AUTHORIZATION pulseops_owner;
CREATE SCHEMA IF NOT EXISTS escalation AUTHORIZATION pulseops_owner;
CREATE SCHEMA IF NOT EXISTS access AUTHORIZATION pulseops_owner;
CREATE SCHEMA IF NOT EXISTS catalog AUTHORIZATION pulseops_owner;
CREATE SCHEMA IF NOT EXISTS audit AUTHORIZATION pulseops_owner;
CREATE SCHEMA IF NOT EXISTS analytics AUTHORIZATION pulseops_owner;
CREATE SCHEMA IF NOT EXISTS replay AUTHORIZATION pulseops_owner;

-- A function that runs with its owner's rights must not meet a stranger's objects on its way.
DO $$
BEGIN
  EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- What any login of PostgreSQL may call, and an analyst with it: locks by which upgrades, rebuilds and the register of
-- streams are one at a time, and what fills the disk in a transaction that only reads. Only a superuser may take that
-- back; only what is there to take is touched, since two migrations may be about it at once.
DO $$
DECLARE
  v_function regprocedure;
BEGIN
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    RETURN;
  END IF;
  FOR v_function IN
    SELECT p.oid FROM pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace AND (
      p.proname ~ '^pg_(try_)?advisory' OR p.proname = ANY (
        '{lo_create,lo_creat,lo_from_bytea,lo_open,lo_put,lowrite,lo_truncate,lo_truncate64,pg_logical_emit_message}')
    ) AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x WHERE x.grantee = 0)
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', v_function);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pulseops_owner, pulseops_app', v_function);
  END LOOP;
END
$$;

SET LOCAL ROLE pulseops_owner;

COMMENT ON SCHEMA eventstore IS 'The log: every fact that was ever recorded, and the bookkeeping around it.';
COMMENT ON SCHEMA incidents IS 'Read models of incidents, derived from the log.';
COMMENT ON SCHEMA escalation IS 'Deadlines and escalations, derived from the log.';
COMMENT ON SCHEMA access IS 'Who may use PulseOps.';
COMMENT ON SCHEMA catalog IS 'Read models of teams and services, derived from the log.';
COMMENT ON SCHEMA audit IS 'What history is proved by: the tree of each log, and what was signed of it.';
COMMENT ON SCHEMA replay IS 'What a replay makes of history, to be compared: empty while none is under way, or kept.';
COMMENT ON SCHEMA analytics IS 'Views for analysts, a contract: columns are added, and never change or go.';

GRANT USAGE ON SCHEMA eventstore, incidents, escalation, access, catalog, audit, analytics, replay
  TO pulseops_app;
-- Analysts had the tables once, and now have the views alone.
REVOKE ALL ON SCHEMA eventstore, incidents, escalation, access, catalog, audit FROM pulseops_analyst;
GRANT USAGE ON SCHEMA analytics TO pulseops_analyst;

ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA incidents, escalation, access, catalog
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO pulseops_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA incidents, escalation, catalog
  REVOKE SELECT ON TABLES FROM pulseops_analyst;
