"""The command line, `newsloom`."""
