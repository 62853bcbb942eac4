-- The application adds keys and revokes them, and notes when each was used; it neither alters nor deletes one.
REVOKE UPDATE, DELETE, TRUNCATE ON access.api_key FROM pulseops_app;
GRANT SELECT, INSERT ON access.api_key TO pulseops_app;
GRANT UPDATE (revoked_at) ON access.api_key TO pulseops_app;
GRANT UPDATE (last_used_at) ON access.api_key TO pulseops_app;
-- Who may read what is for the database's owner to say.
REVOKE SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON access.analyst FROM pulseops_app;
