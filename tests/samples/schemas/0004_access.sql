-- The database of the release whose newest revision was 0004_access, as its own `alembic upgrade head --sql` made it.
-- Never edited: what that release left behind, and what its processes speak to, is this.
BEGIN;

SELECT pg_advisory_xact_lock(1347767381, 0);
SET LOCAL lock_timeout = '10s';

-- Cluster-wide and shared by every PulseOps database of the cluster, so they outlive a downgrade.
DO $$
DECLARE
  v_login text := current_user;
  v_super boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
  v_may_create boolean := (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user);
  v_role text;
BEGIN
  FOREACH v_role IN ARRAY ARRAY['pulseops_owner', 'pulseops_app', 'pulseops_analyst'] LOOP
    CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = v_role);
    IF NOT v_may_create THEN
      RAISE EXCEPTION 'The login % may not create the role %.', v_login, v_role
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Migrate as a superuser, or as a login that has CREATEROLE and owns the database.';
    END IF;
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL; -- another database of this cluster was migrated in the same moment
    END;
  END LOOP;
  IF NOT v_super THEN
    BEGIN
      EXECUTE format('GRANT pulseops_owner, pulseops_app TO %I', v_login);
    EXCEPTION WHEN insufficient_privilege THEN
      IF NOT pg_has_role(v_login, 'pulseops_owner', 'MEMBER') THEN
        RAISE EXCEPTION 'The login % is not a member of the role pulseops_owner.', v_login
          USING ERRCODE = 'insufficient_privilege',
                HINT = format('Let a superuser run: GRANT pulseops_owner, pulseops_app TO %I;', v_login);
      END IF;
    END;
  END IF;
END
$$;

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

-- A function that runs with its owner's rights must not meet a stranger's objects on its way.
DO $$
BEGIN
  EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

SET LOCAL ROLE pulseops_owner;

COMMENT ON SCHEMA eventstore IS 'The log: every fact that was ever recorded, and the bookkeeping around it.';
COMMENT ON SCHEMA incidents IS 'Read models of incidents, derived from the log.';
COMMENT ON SCHEMA escalation IS 'Deadlines and escalations, derived from the log.';
COMMENT ON SCHEMA access IS 'Who may use PulseOps.';

GRANT USAGE ON SCHEMA eventstore, incidents, escalation, access TO pulseops_app;
GRANT USAGE ON SCHEMA eventstore, incidents, escalation TO pulseops_analyst;

ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA incidents, escalation, access
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO pulseops_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA incidents, escalation
  GRANT SELECT ON TABLES TO pulseops_analyst;

CREATE TABLE eventstore.alembic_version (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001_eventstore

CREATE TABLE eventstore.claim (
    log_id SMALLINT NOT NULL, 
    name TEXT NOT NULL, 
    stream_id UUID NOT NULL, 
    CONSTRAINT claim_pkey PRIMARY KEY (log_id, name)
);

COMMENT ON TABLE eventstore.claim IS 'Names, each held by one stream at a time, such as the dedupKey of an open incident.';

COMMENT ON COLUMN eventstore.claim.log_id IS 'The log that this row belongs to.';

COMMENT ON COLUMN eventstore.claim.name IS 'The name that is held.';

COMMENT ON COLUMN eventstore.claim.stream_id IS 'The stream that holds it.';

CREATE TABLE eventstore.command (
    log_id SMALLINT NOT NULL, 
    command_id UUID NOT NULL, 
    fingerprint UUID, 
    stream_id UUID NOT NULL, 
    version INTEGER NOT NULL, 
    position BIGINT NOT NULL, 
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
    CONSTRAINT command_pkey PRIMARY KEY (log_id, command_id)
);

COMMENT ON TABLE eventstore.command IS 'Commands that were stored: a repeated one is answered with its first result.';

COMMENT ON COLUMN eventstore.command.log_id IS 'The log that this row belongs to.';

COMMENT ON COLUMN eventstore.command.command_id IS 'Identifies the command.';

COMMENT ON COLUMN eventstore.command.fingerprint IS 'Tells two different commands under one id apart.';

COMMENT ON COLUMN eventstore.command.stream_id IS 'The stream that its events went to.';

COMMENT ON COLUMN eventstore.command.version IS 'Version of its last event.';

COMMENT ON COLUMN eventstore.command.position IS 'Position of its last event.';

COMMENT ON COLUMN eventstore.command.recorded_at IS 'When its events were recorded.';

CREATE TABLE eventstore.event (
    log_id SMALLINT NOT NULL, 
    position BIGINT NOT NULL, 
    stream_id UUID NOT NULL, 
    version INTEGER NOT NULL, 
    type TEXT NOT NULL, 
    schema_version SMALLINT NOT NULL, 
    event_id UUID NOT NULL, 
    command_id UUID NOT NULL, 
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL, 
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
    data JSONB NOT NULL, 
    meta JSONB NOT NULL, 
    CONSTRAINT event_pkey PRIMARY KEY (log_id, position), 
    CONSTRAINT event_position_check CHECK (position > 0), 
    CONSTRAINT event_version_check CHECK (version > 0)
)
 PARTITION BY RANGE (position);

COMMENT ON TABLE eventstore.event IS 'Every fact ever recorded. Rows are only ever added, and only by eventstore.append_v1.';

COMMENT ON COLUMN eventstore.event.log_id IS 'The log that this row belongs to.';

COMMENT ON COLUMN eventstore.event.position IS 'Place in the log: from 1, without gaps, in the order of commits.';

COMMENT ON COLUMN eventstore.event.stream_id IS 'The thing that this happened to, such as an incident.';

COMMENT ON COLUMN eventstore.event.version IS 'Place in the stream: from 1, without gaps.';

COMMENT ON COLUMN eventstore.event.type IS 'What happened, such as CREATED.';

COMMENT ON COLUMN eventstore.event.schema_version IS 'Which shape of this type `data` has.';

COMMENT ON COLUMN eventstore.event.event_id IS 'Identifies this fact everywhere.';

COMMENT ON COLUMN eventstore.event.command_id IS 'The command that it answers.';

COMMENT ON COLUMN eventstore.event.occurred_at IS 'When it happened, as the caller claims.';

COMMENT ON COLUMN eventstore.event.recorded_at IS 'When it was recorded, by the database''s clock; never decreases within a log.';

COMMENT ON COLUMN eventstore.event.data IS 'The fact; a field that has its default value is omitted.';

COMMENT ON COLUMN eventstore.event.meta IS 'actor, correlationId and, when caused, causationId.';

CREATE TABLE eventstore.log (
    log_id SMALLINT NOT NULL, 
    floor_position BIGINT DEFAULT 0 NOT NULL, 
    floor_time TIMESTAMP WITH TIME ZONE DEFAULT '-infinity' NOT NULL, 
    CONSTRAINT log_pkey PRIMARY KEY (log_id)
);

COMMENT ON TABLE eventstore.log IS 'One row a log: a sequence of facts with its own order, lock and positions.';

COMMENT ON COLUMN eventstore.log.log_id IS 'The log that this row belongs to.';

COMMENT ON COLUMN eventstore.log.floor_position IS 'Positions up to this one were archived; 0 when none was.';

COMMENT ON COLUMN eventstore.log.floor_time IS 'When the event at floor_position was recorded.';

CREATE TABLE eventstore.stream (
    log_id SMALLINT NOT NULL, 
    stream_id UUID NOT NULL, 
    version INTEGER NOT NULL, 
    first_position BIGINT NOT NULL, 
    last_position BIGINT NOT NULL, 
    CONSTRAINT stream_pkey PRIMARY KEY (log_id, stream_id)
)
 WITH (fillfactor = 80);

COMMENT ON TABLE eventstore.stream IS 'Where each stream stands.';

COMMENT ON COLUMN eventstore.stream.log_id IS 'The log that this row belongs to.';

COMMENT ON COLUMN eventstore.stream.stream_id IS 'The thing whose history this is.';

COMMENT ON COLUMN eventstore.stream.version IS 'How many events it has.';

COMMENT ON COLUMN eventstore.stream.first_position IS 'Position of its first event.';

COMMENT ON COLUMN eventstore.stream.last_position IS 'Position of its last event.';

CREATE TABLE eventstore.subscription (
    log_id SMALLINT NOT NULL, 
    name TEXT NOT NULL, 
    position BIGINT DEFAULT 0 NOT NULL, 
    owner TEXT, 
    epoch BIGINT DEFAULT 0 NOT NULL, 
    lease_until TIMESTAMP WITH TIME ZONE, 
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL, 
    attempts INTEGER DEFAULT 0 NOT NULL, 
    last_error TEXT, 
    CONSTRAINT subscription_pkey PRIMARY KEY (log_id, name)
)
 WITH (fillfactor = 50);

COMMENT ON TABLE eventstore.subscription IS 'How far each follower of the log has come, and who moves it on.';

COMMENT ON COLUMN eventstore.subscription.log_id IS 'The log that this row belongs to.';

COMMENT ON COLUMN eventstore.subscription.name IS 'What follows the log, such as a read model.';

COMMENT ON COLUMN eventstore.subscription.position IS 'Everything up to this position has been dealt with.';

COMMENT ON COLUMN eventstore.subscription.owner IS 'The worker that has the lease.';

COMMENT ON COLUMN eventstore.subscription.epoch IS 'Grows with each new owner, so that a former one notices.';

COMMENT ON COLUMN eventstore.subscription.lease_until IS 'When the lease ends unless it is renewed.';

COMMENT ON COLUMN eventstore.subscription.updated_at IS 'When this row was last written.';

COMMENT ON COLUMN eventstore.subscription.attempts IS 'Failures since the last progress.';

COMMENT ON COLUMN eventstore.subscription.last_error IS 'The latest failure; empty after progress.';

CREATE TABLE eventstore.worker (
    worker_id TEXT NOT NULL, 
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL, 
    swept_at TIMESTAMP WITH TIME ZONE, 
    CONSTRAINT worker_pkey PRIMARY KEY (worker_id)
)
 WITH (fillfactor = 50);

COMMENT ON TABLE eventstore.worker IS 'The heartbeat of each worker process.';

COMMENT ON COLUMN eventstore.worker.worker_id IS 'Names the worker process.';

COMMENT ON COLUMN eventstore.worker.seen_at IS 'When it was last alive.';

COMMENT ON COLUMN eventstore.worker.swept_at IS 'When it last looked for due deadlines.';

INSERT INTO eventstore.log (log_id) VALUES (1);

INSERT INTO eventstore.alembic_version (version_num) VALUES ('0001_eventstore') RETURNING eventstore.alembic_version.version_num;

-- Running upgrade 0001_eventstore -> 0002_incidents

CREATE TABLE incidents.incident (
    log_id SMALLINT NOT NULL, 
    id UUID NOT NULL, 
    status TEXT NOT NULL, 
    title TEXT NOT NULL, 
    description TEXT NOT NULL, 
    source TEXT NOT NULL, 
    service TEXT, 
    environment TEXT, 
    labels JSONB NOT NULL, 
    dedup_key TEXT, 
    priority TEXT, 
    category TEXT, 
    assigned_team TEXT, 
    escalation_level INTEGER NOT NULL, 
    escalated_to TEXT, 
    acknowledged_by TEXT, 
    resolved_by TEXT, 
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
    classified_at TIMESTAMP WITH TIME ZONE, 
    assigned_at TIMESTAMP WITH TIME ZONE, 
    acknowledged_at TIMESTAMP WITH TIME ZONE, 
    escalated_at TIMESTAMP WITH TIME ZONE, 
    resolved_at TIMESTAMP WITH TIME ZONE, 
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL, 
    version INTEGER NOT NULL, 
    position BIGINT NOT NULL, 
    created_position BIGINT NOT NULL, 
    CONSTRAINT incident_pkey PRIMARY KEY (log_id, id)
)
 WITH (fillfactor = 80);

COMMENT ON TABLE incidents.incident IS 'Every incident as it now stands. Derived from the log, a moment behind it.';

COMMENT ON COLUMN incidents.incident.log_id IS 'The log of its facts.';

COMMENT ON COLUMN incidents.incident.id IS 'Identifies the incident.';

COMMENT ON COLUMN incidents.incident.status IS 'open, acknowledged or resolved.';

COMMENT ON COLUMN incidents.incident.title IS 'What is wrong, in a line.';

COMMENT ON COLUMN incidents.incident.description IS 'What is wrong, at length; may be empty.';

COMMENT ON COLUMN incidents.incident.source IS 'Who reports: user, monitoring, webhook or another.';

COMMENT ON COLUMN incidents.incident.service IS 'What it is about, as the reporter names it.';

COMMENT ON COLUMN incidents.incident.environment IS 'Where, such as production.';

COMMENT ON COLUMN incidents.incident.labels IS 'The reporter''s own names and values.';

COMMENT ON COLUMN incidents.incident.dedup_key IS 'While it is unresolved, reports under this key join it.';

COMMENT ON COLUMN incidents.incident.priority IS 'low, medium, high or critical; the reporter''s until it is classified.';

COMMENT ON COLUMN incidents.incident.category IS 'Of what kind it is, once it is classified.';

COMMENT ON COLUMN incidents.incident.assigned_team IS 'Whose it is, once it is assigned.';

COMMENT ON COLUMN incidents.incident.escalation_level IS 'How far it was escalated; 0 is not at all.';

COMMENT ON COLUMN incidents.incident.escalated_to IS 'Who was told at that level.';

COMMENT ON COLUMN incidents.incident.acknowledged_by IS 'Who said to be on it.';

COMMENT ON COLUMN incidents.incident.resolved_by IS 'Who said that it is over.';

COMMENT ON COLUMN incidents.incident.occurred_at IS 'When it began, as the reporter claims.';

COMMENT ON COLUMN incidents.incident.created_at IS 'When it was reported, by the database''s clock.';

COMMENT ON COLUMN incidents.incident.classified_at IS 'When it was classified.';

COMMENT ON COLUMN incidents.incident.assigned_at IS 'When it was assigned.';

COMMENT ON COLUMN incidents.incident.acknowledged_at IS 'When it was acknowledged.';

COMMENT ON COLUMN incidents.incident.escalated_at IS 'When it was last escalated.';

COMMENT ON COLUMN incidents.incident.resolved_at IS 'When it was resolved.';

COMMENT ON COLUMN incidents.incident.updated_at IS 'When its newest fact was recorded.';

COMMENT ON COLUMN incidents.incident.version IS 'How many facts it has.';

COMMENT ON COLUMN incidents.incident.position IS 'Place of its newest fact in the log.';

COMMENT ON COLUMN incidents.incident.created_position IS 'Place of its first fact in the log.';

CREATE UNIQUE INDEX incident_log_id_created_position_idx ON incidents.incident (log_id, created_position);

CREATE INDEX incident_unresolved_idx ON incidents.incident (log_id, created_position) WHERE status <> 'resolved';

CREATE TABLE incidents.timeline (
    log_id SMALLINT NOT NULL, 
    incident_id UUID NOT NULL, 
    version INTEGER NOT NULL, 
    position BIGINT NOT NULL, 
    event TEXT NOT NULL, 
    timestamp TIMESTAMP WITH TIME ZONE NOT NULL, 
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL, 
    actor TEXT NOT NULL, 
    details JSONB NOT NULL, 
    CONSTRAINT timeline_pkey PRIMARY KEY (log_id, incident_id, version)
);

COMMENT ON TABLE incidents.timeline IS 'Every step of every incident. Derived from the log, a moment behind it.';

COMMENT ON COLUMN incidents.timeline.log_id IS 'The log that holds the fact.';

COMMENT ON COLUMN incidents.timeline.incident_id IS 'The incident, as in incidents.incident.id.';

COMMENT ON COLUMN incidents.timeline.version IS 'Place among the incident''s facts: from 1, without gaps.';

COMMENT ON COLUMN incidents.timeline.position IS 'Place in the log.';

COMMENT ON COLUMN incidents.timeline.event IS 'What happened, such as CREATED.';

COMMENT ON COLUMN incidents.timeline.timestamp IS 'When it was recorded, by the database''s clock.';

COMMENT ON COLUMN incidents.timeline.occurred_at IS 'When it happened, as whoever reported it claims.';

COMMENT ON COLUMN incidents.timeline.actor IS 'Who did it: a key, or a part of the system.';

COMMENT ON COLUMN incidents.timeline.details IS 'The fact''s fields but the description; one that has its default value is omitted.';

UPDATE eventstore.alembic_version SET version_num='0002_incidents' WHERE eventstore.alembic_version.version_num = '0001_eventstore';

-- Running upgrade 0002_incidents -> 0003_escalation

CREATE TABLE escalation.deadline (
    log_id SMALLINT NOT NULL, 
    incident_id UUID NOT NULL, 
    kind TEXT NOT NULL, 
    step INTEGER NOT NULL, 
    due_at TIMESTAMP WITH TIME ZONE NOT NULL, 
    plan JSONB NOT NULL, 
    failures INTEGER DEFAULT 0 NOT NULL, 
    retry_at TIMESTAMP WITH TIME ZONE, 
    last_error TEXT, 
    CONSTRAINT deadline_pkey PRIMARY KEY (log_id, incident_id, kind)
);

COMMENT ON TABLE escalation.deadline IS 'What is due when: one row for each open incident that somebody has yet to answer.';

COMMENT ON COLUMN escalation.deadline.log_id IS 'The log of the incident''s facts.';

COMMENT ON COLUMN escalation.deadline.incident_id IS 'The incident that waits for an answer.';

COMMENT ON COLUMN escalation.deadline.kind IS 'What the deadline is for: escalation.';

COMMENT ON COLUMN escalation.deadline.step IS 'The level that hears of it when the time is up, from 1.';

COMMENT ON COLUMN escalation.deadline.due_at IS 'When the time is up.';

COMMENT ON COLUMN escalation.deadline.plan IS 'The escalation plan, as it was when the team was assigned.';

COMMENT ON COLUMN escalation.deadline.failures IS 'How many sweeps in a row could not read the incident''s history.';

COMMENT ON COLUMN escalation.deadline.retry_at IS 'After a failure: when a sweep tries again.';

COMMENT ON COLUMN escalation.deadline.last_error IS 'After a failure: what went wrong.';

CREATE INDEX deadline_log_id_due_at_incident_id_idx ON escalation.deadline (log_id, due_at, incident_id);

UPDATE eventstore.alembic_version SET version_num='0003_escalation' WHERE eventstore.alembic_version.version_num = '0002_incidents';

-- Running upgrade 0003_escalation -> 0004_access

CREATE TABLE access.api_key (
    log_id SMALLINT NOT NULL, 
    key_id TEXT NOT NULL, 
    name TEXT NOT NULL, 
    role TEXT NOT NULL, 
    secret_sha256 BYTEA NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
    revoked_at TIMESTAMP WITH TIME ZONE, 
    CONSTRAINT api_key_pkey PRIMARY KEY (log_id, key_id), 
    CONSTRAINT api_key_log_id_name_key UNIQUE (log_id, name)
);

COMMENT ON TABLE access.api_key IS 'API keys. The secret of a key is not kept, only its hash.';

COMMENT ON COLUMN access.api_key.log_id IS 'The log that the key opens.';

COMMENT ON COLUMN access.api_key.key_id IS 'The public part of the key: what is shown of it.';

COMMENT ON COLUMN access.api_key.name IS 'Who uses it. Events say key:<name> as their actor.';

COMMENT ON COLUMN access.api_key.role IS 'What it may do. There is one role so far: admin.';

COMMENT ON COLUMN access.api_key.secret_sha256 IS 'SHA-256 of the secret part.';

COMMENT ON COLUMN access.api_key.created_at IS 'When it was made.';

COMMENT ON COLUMN access.api_key.revoked_at IS 'When it ceased to open anything; null while it does.';

UPDATE eventstore.alembic_version SET version_num='0004_access' WHERE eventstore.alembic_version.version_num = '0003_escalation';

CREATE OR REPLACE FUNCTION eventstore.refuse_change_v1() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION 'History cannot be changed: % on %.% is refused.', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation', HINT = 'Record a new event that corrects the old one.';
END
$$;

-- ALWAYS: session_replication_role = replica does not get past them. Row triggers, because an apply worker of
-- logical replication fires no others; partitions inherit these, but not the one that refuses TRUNCATE.
CREATE OR REPLACE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON eventstore.event
  FOR EACH ROW EXECUTE FUNCTION eventstore.refuse_change_v1();
CREATE OR REPLACE TRIGGER refuse_truncate BEFORE TRUNCATE ON eventstore.event
  FOR EACH STATEMENT EXECUTE FUNCTION eventstore.refuse_change_v1();
ALTER TABLE eventstore.event ENABLE ALWAYS TRIGGER refuse_change, ENABLE ALWAYS TRIGGER refuse_truncate;

-- Keeps two empty partitions of 2^24 positions ahead of the highest head; returns how many it made.
-- The lock on the table is of a kind that keeps no append waiting.
-- ATTACH, unlike CREATE … PARTITION OF, lets readers and writers of the log go on meanwhile.
CREATE OR REPLACE FUNCTION eventstore.ensure_partitions_v1() RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_head bigint;
  v_number bigint;
  v_name text;
  v_made int := 0;
BEGIN
  LOCK TABLE eventstore.log IN SHARE UPDATE EXCLUSIVE MODE;
  SELECT coalesce(max(greatest(l.floor_position, (
    SELECT e.position FROM eventstore.event e WHERE e.log_id = l.log_id ORDER BY e.position DESC LIMIT 1
  ))), 0) INTO v_head FROM eventstore.log l;
  FOR v_number IN (v_head >> 24) .. (v_head >> 24) + 2 LOOP
    v_name := 'event_p' || lpad(v_number::text, greatest(4, length(v_number::text)), '0');
    CONTINUE WHEN to_regclass('eventstore.' || v_name) IS NOT NULL;
    EXECUTE format('CREATE TABLE eventstore.%I (LIKE eventstore.event INCLUDING ALL)', v_name);
    EXECUTE format('ALTER TABLE eventstore.%I ADD CONSTRAINT %I UNIQUE (log_id, stream_id, version)',
      v_name, v_name || '_version_key');
    EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON eventstore.%I '
      'FOR EACH STATEMENT EXECUTE FUNCTION eventstore.refuse_change_v1()', v_name);
    EXECUTE format('ALTER TABLE eventstore.event ATTACH PARTITION eventstore.%I FOR VALUES FROM (%s) TO (%s)',
      v_name, v_number << 24, (v_number + 1) << 24);
    EXECUTE format('ALTER TABLE eventstore.%I '
      'ENABLE ALWAYS TRIGGER refuse_change, ENABLE ALWAYS TRIGGER refuse_truncate', v_name);
    v_made := v_made + 1;
  END LOOP;
  RETURN v_made;
END
$$;

SELECT eventstore.ensure_partitions_v1();
GRANT EXECUTE ON FUNCTION eventstore.ensure_partitions_v1() TO pulseops_app;

-- The one way into the log: a batch of requests (see eventstore/append.py), each stored whole or not at all.
-- The lock on the log's row comes first and is a statement of its own, so that everything after it sees every
-- earlier append: position order is commit order, and only what is stored takes a position. It is no advisory
-- lock, because any login could take that, and stop every append for as long as it likes.
-- Every look-up is a scalar subquery on a whole key: planned while the tables were empty, a join would go by
-- log_id alone and read the whole log for ever after. The settings keep the one plan cheap and the same.
-- `ordinal` counts the requests from 1. A stream, command or name that is stored twice in one batch is an error.
CREATE OR REPLACE FUNCTION eventstore.append_v1(p_log smallint, p_batch jsonb)
RETURNS TABLE (ordinal int, verdict text, stream_id uuid, version int, "position" bigint, recorded_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  c_least_bytes CONSTANT int := 100; -- that an event takes in p_batch
  v_floor bigint;
  v_floor_time timestamptz;
  v_head bigint;
  v_now timestamptz;
  v_last timestamptz;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'Append at READ COMMITTED: a % snapshot may be older than the lock.',
      upper(current_setting('transaction_isolation')) USING ERRCODE = 'invalid_transaction_state';
  END IF;
  SELECT l.floor_position, l.floor_time INTO v_floor, v_floor_time
    FROM eventstore.log l WHERE l.log_id = p_log FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'There is no log %.', p_log USING ERRCODE = 'no_data_found';
  END IF;
  SELECT e.position, e.recorded_at INTO v_head, v_last FROM eventstore.event e
    WHERE e.log_id = p_log AND e.position > v_floor ORDER BY e.position DESC LIMIT 1;
  v_head := coalesce(v_head, v_floor);
  v_now := greatest(clock_timestamp(), v_last, v_floor_time);
  IF (v_head >> 24) <> ((v_head + pg_column_size(p_batch) / c_least_bytes) >> 24) THEN
    PERFORM eventstore.ensure_partitions_v1();
  END IF;

  RETURN QUERY
  WITH request AS MATERIALIZED (
    SELECT r.*, jsonb_array_length(r.events) AS size,
      coalesce((SELECT s.version FROM eventstore.stream s
        WHERE s.log_id = p_log AND s.stream_id = r.stream_id), 0) AS current_version,
      (SELECT c FROM eventstore.command c
        WHERE c.log_id = p_log AND c.command_id = r.command_id) AS earlier,
      (SELECT c.stream_id FROM eventstore.claim c
        WHERE c.log_id = p_log AND c.name = r.take) AS holder,
      (SELECT c.name FROM eventstore.claim c
        WHERE c.log_id = p_log AND c.name = r.release AND c.stream_id = r.stream_id) AS released
    FROM ROWS FROM (jsonb_to_recordset(p_batch) AS (
      stream_id uuid, expected_version int, command_id uuid, events jsonb, fingerprint uuid, take text, release text
    )) WITH ORDINALITY AS r(
      stream_id, expected_version, command_id, events, fingerprint, take, release, ordinal
    )
  ), judged AS (
    SELECT r.*, CASE
      WHEN (r.earlier).command_id IS NOT NULL THEN
        CASE WHEN (r.earlier).fingerprint IS NOT DISTINCT FROM r.fingerprint THEN 'replayed' ELSE 'reused' END
      WHEN r.expected_version IS DISTINCT FROM r.current_version THEN 'conflict'
      WHEN r.holder <> r.stream_id THEN 'taken'
      ELSE 'stored' END AS verdict
    FROM request r
  ), placed AS MATERIALIZED (
    SELECT j.*, v_head + coalesce(sum(j.size) FILTER (WHERE j.verdict = 'stored') OVER (
      ORDER BY j.ordinal ROWS UNBOUNDED PRECEDING), 0)::bigint AS last_position
    FROM judged j
  ), stored AS MATERIALIZED (
    -- Without an event there is no version to go to, and a NOT NULL refuses the request.
    SELECT p.*, p.current_version + nullif(p.size, 0) AS new_version FROM placed p WHERE p.verdict = 'stored'
  ), new_streams AS (
    INSERT INTO eventstore.stream AS s (log_id, stream_id, version, first_position, last_position)
    SELECT p_log, n.stream_id, n.new_version, n.last_position - n.size + 1, n.last_position FROM stored n
    ON CONFLICT (log_id, stream_id)
      DO UPDATE SET version = excluded.version, last_position = excluded.last_position
  ), new_events AS (
    INSERT INTO eventstore.event (log_id, position, stream_id, version, type, schema_version,
      event_id, command_id, occurred_at, recorded_at, data, meta)
    SELECT p_log, n.last_position - n.size + e.nth, n.stream_id, n.current_version + e.nth, e.type, e.schema_version,
      e.event_id, n.command_id, e.occurred_at, v_now, e.data, e.meta
    FROM stored n CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(n.events) AS (
      type text, schema_version smallint, event_id uuid, occurred_at timestamptz, data jsonb, meta jsonb
    )) WITH ORDINALITY AS e(type, schema_version, event_id, occurred_at, data, meta, nth)
  ), new_commands AS (
    INSERT INTO eventstore.command (log_id, command_id, fingerprint, stream_id, version, position, recorded_at)
    SELECT p_log, n.command_id, n.fingerprint, n.stream_id, n.new_version, n.last_position, v_now FROM stored n
  ), new_claims AS (
    -- A name that is taken and given back by the same request ends up free.
    INSERT INTO eventstore.claim (log_id, name, stream_id)
    SELECT p_log, n.take, n.stream_id FROM stored n
    WHERE n.take IS NOT NULL AND n.holder IS NULL AND n.take IS DISTINCT FROM n.release
  ), old_claims AS (
    DELETE FROM eventstore.claim c
    WHERE c.log_id = p_log AND c.name = ANY (ARRAY(SELECT n.released FROM stored n WHERE n.released IS NOT NULL))
  )
  SELECT p.ordinal::int, p.verdict,
    CASE p.verdict WHEN 'taken' THEN p.holder
      WHEN 'replayed' THEN (p.earlier).stream_id WHEN 'reused' THEN (p.earlier).stream_id ELSE p.stream_id END,
    CASE p.verdict WHEN 'stored' THEN p.current_version + p.size
      WHEN 'replayed' THEN (p.earlier).version WHEN 'reused' THEN (p.earlier).version ELSE p.current_version END,
    CASE p.verdict WHEN 'stored' THEN p.last_position
      WHEN 'replayed' THEN (p.earlier).position WHEN 'reused' THEN (p.earlier).position ELSE 0 END,
    CASE p.verdict WHEN 'stored' THEN v_now
      WHEN 'replayed' THEN (p.earlier).recorded_at WHEN 'reused' THEN (p.earlier).recorded_at END
  FROM placed p ORDER BY p.ordinal;
END
$$;

GRANT EXECUTE ON FUNCTION eventstore.append_v1(smallint, jsonb) TO pulseops_app;

-- The application reads the log and can only write it through append_v1; its own bookkeeping it writes itself.
GRANT SELECT ON eventstore.log, eventstore.event, eventstore.stream, eventstore.command, eventstore.claim,
  eventstore.alembic_version TO pulseops_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON eventstore.subscription, eventstore.worker TO pulseops_app;
GRANT SELECT ON eventstore.event TO pulseops_analyst;

-- Brings incidents.incident from p_after to p_up_to. Any split of history into ranges gives the same rows, and
-- a range may come again: a row only ever gives way to a newer version of itself.
CREATE OR REPLACE FUNCTION incidents.project_incident_v1(p_log smallint, p_after bigint, p_up_to bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off -- the range is read by the log's key, whatever the statistics of a young table say
AS $$
DECLARE
    v_stray uuid;
    v_unknown text;
BEGIN
    WITH newest AS (
        -- A type of fact sets its own columns, so the newest of each type says all.
        SELECT DISTINCT ON (e.stream_id, e.type)
            e.stream_id, e.type, e.schema_version, e.version, e.position, e.occurred_at, e.recorded_at,
            e.data, e.meta ->> 'actor' AS actor
        FROM eventstore.event AS e
        WHERE e.log_id = p_log AND e.position > p_after AND e.position <= p_up_to
          AND e.type IN ('CREATED', 'CLASSIFIED', 'ASSIGNED', 'ACKNOWLEDGED', 'ESCALATED', 'RESOLVED')
        ORDER BY e.stream_id, e.type, e.version DESC
    ), change AS (
        SELECT
            n.stream_id AS id,
            max(n.version) AS version,
            max(n.position) AS position,
            max(n.recorded_at) AS updated_at,
            min(n.type || ' ' || n.schema_version) FILTER (WHERE n.schema_version <> 1) AS unknown,
            max(n.position) FILTER (WHERE n.type = 'CREATED') AS created_position,
            max(n.occurred_at) FILTER (WHERE n.type = 'CREATED') AS occurred_at,
            max(n.recorded_at) FILTER (WHERE n.type = 'CREATED') AS created_at,
            max(n.recorded_at) FILTER (WHERE n.type = 'CLASSIFIED') AS classified_at,
            max(n.recorded_at) FILTER (WHERE n.type = 'ASSIGNED') AS assigned_at,
            max(n.recorded_at) FILTER (WHERE n.type = 'ACKNOWLEDGED') AS acknowledged_at,
            max(n.recorded_at) FILTER (WHERE n.type = 'ESCALATED') AS escalated_at,
            max(n.recorded_at) FILTER (WHERE n.type = 'RESOLVED') AS resolved_at,
            max(n.actor) FILTER (WHERE n.type = 'ACKNOWLEDGED') AS acknowledged_by,
            max(n.actor) FILTER (WHERE n.type = 'RESOLVED') AS resolved_by,
            (array_agg(n.data) FILTER (WHERE n.type = 'CREATED'))[1] AS created,
            (array_agg(n.data) FILTER (WHERE n.type = 'CLASSIFIED'))[1] AS classified,
            (array_agg(n.data) FILTER (WHERE n.type = 'ASSIGNED'))[1] AS assigned,
            (array_agg(n.data) FILTER (WHERE n.type = 'ESCALATED'))[1] AS escalated
        FROM newest AS n
        GROUP BY n.stream_id
    ), written AS (
        -- Where CREATED lies before the range the row exists, and what it cannot lack is filled in for form only.
        INSERT INTO incidents.incident AS i (
            log_id, id, status, title, description, source, service, environment, labels, dedup_key,
            priority, category, assigned_team, escalation_level, escalated_to, acknowledged_by, resolved_by,
            occurred_at, created_at, classified_at, assigned_at, acknowledged_at, escalated_at, resolved_at,
            updated_at, version, position, created_position
        )
        SELECT
            p_log,
            c.id,
            CASE
                WHEN c.resolved_at IS NOT NULL THEN 'resolved'
                WHEN c.acknowledged_at IS NOT NULL THEN 'acknowledged'
                ELSE 'open'
            END,
            coalesce(c.created ->> 'title', ''),
            coalesce(c.created ->> 'description', ''),
            coalesce(c.created ->> 'source', 'user'),
            c.created ->> 'service',
            c.created ->> 'environment',
            coalesce(c.created -> 'labels', '{}'),
            c.created ->> 'dedupKey',
            coalesce(c.classified ->> 'priority', c.created ->> 'priority'),
            c.classified ->> 'category',
            c.assigned ->> 'team',
            coalesce((c.escalated ->> 'level')::integer, 0),
            c.escalated ->> 'to',
            c.acknowledged_by,
            c.resolved_by,
            coalesce(c.occurred_at, c.updated_at),
            coalesce(c.created_at, c.updated_at),
            c.classified_at,
            c.assigned_at,
            c.acknowledged_at,
            c.escalated_at,
            c.resolved_at,
            c.updated_at,
            c.version,
            c.position,
            coalesce(c.created_position, 0)
        FROM change AS c
        ON CONFLICT (log_id, id) DO UPDATE SET
            status = CASE WHEN excluded.status = 'open' THEN i.status ELSE excluded.status END,
            priority = coalesce(excluded.priority, i.priority),
            category = coalesce(excluded.category, i.category),
            assigned_team = coalesce(excluded.assigned_team, i.assigned_team),
            escalation_level = greatest(excluded.escalation_level, i.escalation_level),
            escalated_to = coalesce(excluded.escalated_to, i.escalated_to),
            acknowledged_by = coalesce(excluded.acknowledged_by, i.acknowledged_by),
            resolved_by = coalesce(excluded.resolved_by, i.resolved_by),
            classified_at = coalesce(excluded.classified_at, i.classified_at),
            assigned_at = coalesce(excluded.assigned_at, i.assigned_at),
            acknowledged_at = coalesce(excluded.acknowledged_at, i.acknowledged_at),
            escalated_at = coalesce(excluded.escalated_at, i.escalated_at),
            resolved_at = coalesce(excluded.resolved_at, i.resolved_at),
            updated_at = excluded.updated_at,
            version = excluded.version,
            position = excluded.position
        WHERE i.version < excluded.version
        RETURNING i.id, i.created_position
    )
    SELECT (SELECT w.id FROM written AS w WHERE w.created_position = 0 LIMIT 1),
           (SELECT min(c.unknown) FROM change AS c)
    INTO v_stray, v_unknown;

    IF v_unknown IS NOT NULL THEN
        RAISE EXCEPTION 'A fact of an unknown kind: %', v_unknown;
    END IF;
    IF v_stray IS NOT NULL THEN
        RAISE EXCEPTION 'Incident % has facts, but was never created', v_stray;
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.project_incident_v1(smallint, bigint, bigint) TO pulseops_app;

-- Brings incidents.timeline from p_after to p_up_to. An entry never changes, so a range may come again.
CREATE OR REPLACE FUNCTION incidents.project_timeline_v1(p_log smallint, p_after bigint, p_up_to bigint)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off -- the range is read by the log's key, whatever the statistics of a young table say
AS $$
    INSERT INTO incidents.timeline (
        log_id, incident_id, version, position, event, timestamp, occurred_at, actor, details
    )
    SELECT
        e.log_id, e.stream_id, e.version, e.position, e.type, e.recorded_at, e.occurred_at,
        e.meta ->> 'actor',
        e.data - 'description' -- up to 20 kB, and the incident itself carries it
    FROM eventstore.event AS e
    WHERE e.log_id = p_log AND e.position > p_after AND e.position <= p_up_to
      AND e.type IN ('CREATED', 'CLASSIFIED', 'ASSIGNED', 'ACKNOWLEDGED', 'ESCALATED', 'RESOLVED')
    ON CONFLICT (log_id, incident_id, version) DO NOTHING
$$;

GRANT EXECUTE ON FUNCTION incidents.project_timeline_v1(smallint, bigint, bigint) TO pulseops_app;

-- What a plan is made from, for each incident ASSIGNED in (p_after, p_up_to] that nobody has answered yet.
-- Looks at the whole stream, not only at the range: a projector that lags, or passes a range again, must not
-- bring back a level that was fired or a wait that was ended. `level` is the last one fired (0: none),
-- `due_at` and `fired_at` are its instants, or those of the assignment.
-- Each stream is looked up by itself, as in histories_v1 and for the same reason.
CREATE OR REPLACE FUNCTION escalation.assigned_v1(p_log smallint, p_after bigint, p_up_to bigint)
RETURNS TABLE (
    incident_id uuid, priority text, category text, team text, service text, environment text,
    level integer, due_at timestamptz, fired_at timestamptz
)
LANGUAGE sql STABLE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $$
    WITH newly AS MATERIALIZED (
        SELECT e.stream_id, e.position, e.recorded_at, e.data->>'team' AS team
        FROM eventstore.event e
        WHERE e.log_id = p_log AND e.position > p_after AND e.position <= p_up_to AND e.type = 'ASSIGNED'
    )
    SELECT n.stream_id, coalesce(life.priority, life.reported), life.category, n.team,
        life.service, life.environment,
        coalesce((life.escalated->>'level')::integer, 0),
        coalesce((life.escalated->>'dueAt')::timestamptz, n.recorded_at),
        coalesce(
            (life.escalated->>'dueAt')::timestamptz
                + make_interval(secs => (life.escalated->>'lateBy')::double precision),
            n.recorded_at
        )
    FROM newly n
    CROSS JOIN LATERAL (
        SELECT
            max(h.data->>'priority') FILTER (WHERE h.type = 'CREATED') AS reported,
            max(h.data->>'service') FILTER (WHERE h.type = 'CREATED') AS service,
            max(h.data->>'environment') FILTER (WHERE h.type = 'CREATED') AS environment,
            max(h.data->>'priority') FILTER (WHERE h.type = 'CLASSIFIED') AS priority,
            max(h.data->>'category') FILTER (WHERE h.type = 'CLASSIFIED') AS category,
            (array_agg(h.data ORDER BY h.version DESC) FILTER (WHERE h.type = 'ESCALATED'))[1] AS escalated,
            bool_or(h.type IN ('ACKNOWLEDGED', 'RESOLVED')) AS answered
        FROM eventstore.event h
        WHERE h.log_id = p_log AND h.stream_id = n.stream_id AND h.version BETWEEN 1 AND 2147483647
            AND h.position BETWEEN
                (SELECT s.first_position FROM eventstore.stream s
                    WHERE s.log_id = p_log AND s.stream_id = n.stream_id)
                AND (SELECT s.last_position FROM eventstore.stream s
                    WHERE s.log_id = p_log AND s.stream_id = n.stream_id)
    ) life
    WHERE NOT life.answered
    ORDER BY n.position
$$;

GRANT EXECUTE ON FUNCTION escalation.assigned_v1(smallint, bigint, bigint) TO pulseops_app;

-- Sets the deadlines of newly assigned incidents: [{incident_id, step, due_at, plan}]. A deadline that is
-- there stays as it is: its plan is pinned, and its step may have moved on.
CREATE OR REPLACE FUNCTION escalation.start_deadlines_v1(p_log smallint, p_deadlines jsonb)
RETURNS void
LANGUAGE sql VOLATILE
AS $$
    INSERT INTO escalation.deadline (log_id, incident_id, kind, step, due_at, plan)
    SELECT p_log, d.incident_id, 'escalation', d.step, d.due_at, d.plan
    FROM jsonb_to_recordset(p_deadlines) AS d (incident_id uuid, step integer, due_at timestamptz, plan jsonb)
    ON CONFLICT DO NOTHING
$$;

GRANT EXECUTE ON FUNCTION escalation.start_deadlines_v1(smallint, jsonb) TO pulseops_app;

-- Removes the deadlines of incidents that were ACKNOWLEDGED or RESOLVED in (p_after, p_up_to].
-- The array and the whole key keep the planner at the key's index, however little it knows of the table.
CREATE OR REPLACE FUNCTION escalation.stop_deadlines_v1(p_log smallint, p_after bigint, p_up_to bigint)
RETURNS void
LANGUAGE sql VOLATILE
AS $$
    DELETE FROM escalation.deadline d
    WHERE d.log_id = p_log AND d.kind = 'escalation'
        AND d.incident_id = ANY (ARRAY(
            SELECT e.stream_id
            FROM eventstore.event e
            WHERE e.log_id = p_log AND e.position > p_after AND e.position <= p_up_to
                AND e.type IN ('ACKNOWLEDGED', 'RESOLVED')
        ))
$$;

GRANT EXECUTE ON FUNCTION escalation.stop_deadlines_v1(smallint, bigint, bigint) TO pulseops_app;

-- Claims what is due at p_now, the longest due first, until the transaction ends. What another worker has
-- claimed is left to it. Read in the order of its index: sorted, a backlog would be read whole for each claim.
CREATE OR REPLACE FUNCTION escalation.claim_due_v1(p_log smallint, p_now timestamptz, p_limit integer)
RETURNS TABLE (incident_id uuid, step integer, due_at timestamptz, failures integer, plan jsonb)
LANGUAGE sql VOLATILE
SET plan_cache_mode = force_custom_plan
SET enable_sort = off
SET enable_seqscan = off
AS $$
    SELECT d.incident_id, d.step, d.due_at, d.failures, d.plan
    FROM escalation.deadline d
    WHERE d.log_id = p_log AND d.due_at <= p_now AND (d.retry_at IS NULL OR d.retry_at <= p_now)
    ORDER BY d.due_at
    LIMIT p_limit
    FOR UPDATE SKIP LOCKED
$$;

GRANT EXECUTE ON FUNCTION escalation.claim_due_v1(smallint, timestamptz, integer) TO pulseops_app;

-- The whole history of each of the incidents, stream by stream, in order.
-- Each stream is looked up by itself (OFFSET 0 keeps it so): planned while the tables were empty, a join
-- would go by log_id alone and read the whole log for each incident. Its positions leave only its partitions.
CREATE OR REPLACE FUNCTION escalation.histories_v1(p_log smallint, p_incidents uuid[])
RETURNS SETOF eventstore.event
LANGUAGE sql STABLE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $$
    SELECT e.*
    FROM unnest(p_incidents) WITH ORDINALITY AS i (incident_id, ordinal)
    CROSS JOIN LATERAL (
        SELECT h.* FROM eventstore.event h
        WHERE h.log_id = p_log AND h.stream_id = i.incident_id AND h.version BETWEEN 1 AND 2147483647
            AND h.position BETWEEN
                (SELECT s.first_position FROM eventstore.stream s
                    WHERE s.log_id = p_log AND s.stream_id = i.incident_id)
                AND (SELECT s.last_position FROM eventstore.stream s
                    WHERE s.log_id = p_log AND s.stream_id = i.incident_id)
        OFFSET 0
    ) e
    ORDER BY i.ordinal, e.version
$$;

GRANT EXECUTE ON FUNCTION escalation.histories_v1(smallint, uuid[]) TO pulseops_app;

-- The last statement of a sweep: appends the batch and, for what history took, moves the claimed deadlines.
-- p_moves: [{incident_id, ordinal, step, due_at, failures, retry_at, last_error}], where `ordinal` names the
-- request in the batch (absent: nothing to append, move at once) and an absent `step` ends the deadline.
-- A request that history refused (another event came first) keeps its deadline for the next sweep.
-- The moves carry the log's number so that the deadlines are looked up by their whole key, never by log_id alone.
CREATE OR REPLACE FUNCTION escalation.fire_v1(p_log smallint, p_batch jsonb, p_moves jsonb)
RETURNS TABLE (ordinal integer, verdict text, stream_id uuid, version integer, "position" bigint)
LANGUAGE sql VOLATILE
SET plan_cache_mode = force_custom_plan
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
SET jit = off
AS $$
    WITH answer AS MATERIALIZED (
        SELECT a.ordinal, a.verdict, a.stream_id, a.version, a.position
        FROM eventstore.append_v1(p_log, p_batch) a
        WHERE jsonb_array_length(p_batch) > 0
    ), move AS MATERIALIZED (
        SELECT p_log AS log_id, m.*
        FROM jsonb_to_recordset(p_moves) AS m (
            incident_id uuid, ordinal integer, step integer, due_at timestamptz,
            failures integer, retry_at timestamptz, last_error text
        )
        WHERE m.ordinal IS NULL
            OR m.ordinal = ANY (ARRAY(SELECT a.ordinal FROM answer a WHERE a.verdict IN ('stored', 'replayed')))
    ), moved AS (
        UPDATE escalation.deadline d
        SET step = m.step, due_at = m.due_at, failures = coalesce(m.failures, 0),
            retry_at = m.retry_at, last_error = m.last_error
        FROM move m
        WHERE d.log_id = m.log_id AND d.incident_id = m.incident_id AND d.kind = 'escalation'
            AND m.step IS NOT NULL
    ), ended AS (
        DELETE FROM escalation.deadline d
        USING move m
        WHERE d.log_id = m.log_id AND d.incident_id = m.incident_id AND d.kind = 'escalation'
            AND m.step IS NULL
    )
    SELECT a.ordinal, a.verdict, a.stream_id, a.version, a.position FROM answer a
$$;

GRANT EXECUTE ON FUNCTION escalation.fire_v1(smallint, jsonb, jsonb) TO pulseops_app;

-- The application adds keys and revokes them; it neither alters nor deletes one.
REVOKE UPDATE, DELETE, TRUNCATE ON access.api_key FROM pulseops_app;
GRANT SELECT, INSERT ON access.api_key TO pulseops_app;
GRANT UPDATE (revoked_at) ON access.api_key TO pulseops_app;

COMMIT;
