"""Scores of replays against the gold labels."""
