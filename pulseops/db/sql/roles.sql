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
  -- Whoever has been let in is not let in again: two migrations at once would trip over each other's row.
  IF NOT v_super AND NOT (
    pg_has_role(v_login, 'pulseops_owner', 'MEMBER') AND pg_has_role(v_login, 'pulseops_app', 'MEMBER')
  ) THEN
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
