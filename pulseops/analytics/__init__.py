"""What analysts read: views that are a contract, each restricted to the logs that a login was given."""
