"""Articles from files and pipes onto the log."""
