-- What a projection says of a fact that it does not know: `p_known` lists those that it does. It never returns,
-- and is called from a CASE, so that it costs nothing where every fact is known (see incidents/sql/knows_v1.sql).
-- The message is the same for each fact of that kind, and what differs is in the detail: by the message
-- subscriptions tell whether two streams have the same fault.
CREATE OR REPLACE FUNCTION eventstore.refuse_fact_v1(
  p_type text, p_schema_version smallint, p_position bigint, p_known text
) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION 'History holds % version %, and this projection knows only: %. '
    'A newer worker goes on from there: upgrade this one. Nothing is skipped.',
    p_type, p_schema_version, p_known
    USING ERRCODE = 'feature_not_supported', DETAIL = format('It is at position %s.', p_position);
END
$$;

GRANT EXECUTE ON FUNCTION eventstore.refuse_fact_v1(text, smallint, bigint, text) TO pulseops_app;
