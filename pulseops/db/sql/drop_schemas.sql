-- After a downgrade to base: what schemas.sql made, and every function that was put there.
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
DROP SCHEMA eventstore, incidents, escalation, access, catalog, audit, analytics, replay CASCADE;
