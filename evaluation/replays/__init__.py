"""Replays of a stream through the clusterer's core."""
