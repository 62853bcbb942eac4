-- The application reads the log and can only write it through append_v2; its own bookkeeping it writes itself.
GRANT SELECT ON eventstore.log, eventstore.event, eventstore.stream, eventstore.command, eventstore.claim,
  eventstore.alembic_version TO pulseops_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON eventstore.subscription, eventstore.parked, eventstore.worker TO pulseops_app;
GRANT SELECT ON eventstore.generation TO pulseops_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON eventstore.filling TO pulseops_app;
