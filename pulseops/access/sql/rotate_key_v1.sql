-- A key's present secret becomes the one before, and opens until p_until; the one before that opens no more.
-- The application has no other way to write a secret: it cannot take the place of one without the trace of it.
CREATE OR REPLACE FUNCTION access.rotate_key_v1(
  p_log smallint, p_key text, p_secret_sha256 bytea, p_now timestamptz, p_until timestamptz
) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  WITH rotated AS (
    UPDATE access.api_key SET secret_sha256 = p_secret_sha256, rotated_at = p_now,
      previous_sha256 = secret_sha256, previous_until = p_until
    WHERE log_id = p_log AND key_id = p_key AND revoked_at IS NULL
    RETURNING key_id
  )
  SELECT EXISTS (SELECT FROM rotated)
$$;

GRANT EXECUTE ON FUNCTION access.rotate_key_v1(smallint, text, bytea, timestamptz, timestamptz) TO pulseops_app;
