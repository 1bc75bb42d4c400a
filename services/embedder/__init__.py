"""The embedder: prepare the text of each article, encode it, and write the vectors."""
