"""Run the whole installation on one machine, as supervised processes."""
