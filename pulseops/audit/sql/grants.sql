-- The application adds to the tree, and keeps what was signed of it. That this is true no right can say: that is
-- for whoever compares it with a checkpoint that was published.
GRANT SELECT, INSERT, UPDATE ON audit.tile, audit.checkpoint TO pulseops_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON audit.published TO pulseops_app;
