"""Articles in, vectors out: prepares the text, encodes it, and says what the vector was made with."""
