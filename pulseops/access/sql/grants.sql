-- The application keeps its keys: it adds them and revokes them, and never deletes one.
GRANT USAGE ON SCHEMA access TO pulseops_app;
GRANT SELECT, INSERT ON access.api_key TO pulseops_app;
GRANT UPDATE (revoked_at) ON access.api_key TO pulseops_app;
