-- The application adds to the tree, and keeps what was signed of it. That this is true no right can say: that is
-- for whoever compares it with a checkpoint that was published.
GRANT SELECT, INSERT, UPDATE ON audit.tile, audit.checkpoint, audit.register, audit.register_turn TO pulseops_app;
-- Made of the log: what is no more is deleted when the register is made anew.
GRANT SELECT, INSERT, UPDATE, DELETE ON audit.register_page, audit.register_tile TO pulseops_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON audit.published TO pulseops_app;
