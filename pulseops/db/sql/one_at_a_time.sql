-- One migration at a time. The lock on the version table is one that only its owner can take; the application's
-- login cannot, and whoever asks for the version goes on meanwhile. Before the first migration there is no such
-- table, and only a lock that anybody may take: it is let go as soon as there is something better.
-- Then, for every statement that follows: whoever comes after a lock that is waited for waits as well, so none is
-- waited for longer than a request bears. What had to give up is rolled back and tried again (db/migrate.py).
SET LOCAL lock_timeout = '30s';
DO $$
BEGIN
  IF to_regclass('eventstore.alembic_version') IS NULL THEN
    PERFORM pg_advisory_xact_lock(1347767381, 0);
  END IF;
  IF to_regclass('eventstore.alembic_version') IS NOT NULL THEN
    SET LOCAL ROLE pulseops_owner;
    LOCK TABLE eventstore.alembic_version IN SHARE ROW EXCLUSIVE MODE;
    RESET ROLE;
  END IF;
END
$$;
SET LOCAL lock_timeout = '150ms';
