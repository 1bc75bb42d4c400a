"""The clusterer: vectors in, stories out."""
