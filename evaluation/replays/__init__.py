"""Replays of a stream: through the real core, and through compiled rules for tuning."""
