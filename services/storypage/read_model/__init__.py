"""The read model: the topics as tables of one SQLite file, with the offsets up to which they were read."""
