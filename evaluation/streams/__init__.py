"""Labelled streams: read from files, turned into events, and mixed with background."""
