"""What a digest says: a pure function of a story's reports, their sentences and the document frequencies of a language."""
