"""Labelled streams: read from files, turned into the clusterer's events, and mixed with background."""
