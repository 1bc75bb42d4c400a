"""Command-line options and start-up code that the programs share."""
