-- Makes a view for analysts out of a query that has a column log_id, or brings the one that is there up to it.
-- What every such view must have is said here once: it shows only rows of the logs that the login was given, and
-- by its barrier no condition of a caller's sees another row. `session_user` is who has logged in: nothing that a
-- login may set changes it. The view reads with its owner's rights, so that analysts need none on tables.
-- A view that is as it should be is left alone: to replace it would wait for whoever reads it. A column can be
-- added at the end; PostgreSQL refuses to take one away, to rename it or to give it another type.
CREATE OR REPLACE FUNCTION analytics.publish_v1(p_view text, p_query text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_create CONSTANT text := 'CREATE %s VIEW analytics.%I WITH (security_barrier = true, security_invoker = false) '
    'AS SELECT v.* FROM (%s) v WHERE v.log_id = ANY (ARRAY('
    'SELECT a.log_id FROM access.analyst a WHERE a.login = session_user::text))';
  v_draft text := p_view || '_draft';
BEGIN
  EXECUTE format(c_create, '', v_draft, p_query);
  IF (
    SELECT count(DISTINCT (pg_get_viewdef(c.oid), c.reloptions)) <> 1 OR count(*) <> 2
    FROM pg_class c
    WHERE c.relnamespace = 'analytics'::regnamespace AND c.relname IN (p_view, v_draft)
  ) THEN
    EXECUTE format(c_create, 'OR REPLACE', p_view, p_query);
  END IF;
  EXECUTE format('DROP VIEW analytics.%I', v_draft);
  EXECUTE format('REVOKE ALL ON analytics.%I FROM PUBLIC', p_view);
  EXECUTE format('GRANT SELECT ON analytics.%I TO pulseops_analyst', p_view);
END
$$;
