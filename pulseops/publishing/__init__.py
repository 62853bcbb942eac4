"""Where what was signed is published, so that nobody who has the database can rewrite it."""
