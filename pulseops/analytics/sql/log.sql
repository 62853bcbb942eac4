-- The logs that whoever asks may read: what log_id stands for.
SELECT analytics.publish_v1('log', $$
  SELECT
    l.log_id::smallint AS log_id,
    l.name::text AS name,
    l.created_at::timestamptz AS created_at
  FROM eventstore.log l
$$);

COMMENT ON VIEW analytics.log IS
  'The logs that you may read, one row each.';
COMMENT ON COLUMN analytics.log.log_id IS 'Its number, as in every other view.';
COMMENT ON COLUMN analytics.log.name IS 'What people call it; the first is default.';
COMMENT ON COLUMN analytics.log.created_at IS 'When it was made, empty.';
