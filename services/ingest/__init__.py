"""Read articles from files, pipes and requests and write them to the log."""
