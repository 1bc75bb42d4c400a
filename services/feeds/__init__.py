"""Fetch RSS, Atom and JSON feeds and write their articles to the log."""
