"""Overviews of labelled stories, by newsloom and by simpler methods, and their agreement with round-ups by editors."""
