-- Written by every migration beside the version: code that is older than the schema looks here for itself.
CREATE TABLE IF NOT EXISTS eventstore.compatible (
  revision text PRIMARY KEY
);
COMMENT ON TABLE eventstore.compatible IS 'The revisions whose code may run on this schema, its own included.';
COMMENT ON COLUMN eventstore.compatible.revision IS 'A revision, as in eventstore.alembic_version.';
GRANT SELECT ON eventstore.compatible TO pulseops_app;
