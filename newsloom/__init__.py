"""Story clustering for news: the contracts, the log and the subscriber's side."""
