-- Every team that was defined.
SELECT analytics.publish_v1('team', $$
  SELECT
    t.log_id::smallint AS log_id,
    t.name::text AS name,
    t.id::uuid AS id,
    t.display_name::text AS display_name,
    t.description::text AS description,
    t.lead::text AS lead,
    t.email::text AS email,
    t.chat::text AS chat,
    t.members::jsonb AS members,
    t.runbooks::jsonb AS runbooks,
    t.links::jsonb AS links,
    t.updated_at::timestamptz AS updated_at,
    t.updated_by::text AS updated_by,
    t.retired_at::timestamptz AS retired_at,
    t.version::integer AS version,
    t.position::bigint AS position
  FROM catalog.team t
$$);

COMMENT ON VIEW analytics.team IS
  'Every team that was defined, as it now stands; those of the rules file alone are not here.';
COMMENT ON COLUMN analytics.team.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.team.name IS 'What incidents and rules call it.';
COMMENT ON COLUMN analytics.team.id IS 'The stream of its facts.';
COMMENT ON COLUMN analytics.team.display_name IS 'What people call it; may be empty.';
COMMENT ON COLUMN analytics.team.description IS 'What it is there for; may be empty.';
COMMENT ON COLUMN analytics.team.lead IS 'Whom to turn to.';
COMMENT ON COLUMN analytics.team.email IS 'Where to write to.';
COMMENT ON COLUMN analytics.team.chat IS 'The address of its chat.';
COMMENT ON COLUMN analytics.team.members IS 'Who is in it: an array of name and role.';
COMMENT ON COLUMN analytics.team.runbooks IS 'What to do: an array of title and url.';
COMMENT ON COLUMN analytics.team.links IS 'Whatever else to open: an array of title and url.';
COMMENT ON COLUMN analytics.team.updated_at IS 'When its newest fact was recorded.';
COMMENT ON COLUMN analytics.team.updated_by IS 'Who caused its newest fact.';
COMMENT ON COLUMN analytics.team.retired_at IS 'When it was retired; null while it is there.';
COMMENT ON COLUMN analytics.team.version IS 'How many facts it has.';
COMMENT ON COLUMN analytics.team.position IS 'Place of its newest fact in the log.';
