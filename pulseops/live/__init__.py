"""The log as it grows, told to whoever listens."""
