"""Exactly-once processing of bytes: the log port, its two implementations, and the loop of the services."""
