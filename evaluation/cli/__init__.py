"""Command-line options and start-up that the programs share."""
