"""The log port on SQLite: one file, or memory, shared by the processes of one machine."""

from newsloom.streaming.sqlite.log import open_sqlite

__all__ = ["open_sqlite"]
