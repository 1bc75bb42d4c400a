"""Read articles from files and pipes and write them to the log."""
