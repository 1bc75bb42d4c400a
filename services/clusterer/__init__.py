"""The clusterer: groups articles into stories by their vectors."""
