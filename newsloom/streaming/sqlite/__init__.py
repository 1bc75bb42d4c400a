"""The log port on SQLite: one file (or none), several processes, the same promises as Kafka's."""

from newsloom.streaming.sqlite.log import open_embedded

__all__ = ["open_embedded"]
