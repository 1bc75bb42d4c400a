"""The digest of a story: its Overview, its sides and its questions, in sentences of its own articles."""
