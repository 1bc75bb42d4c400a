"""The story page: stories as web pages, feeds, JSON and live events, made from the topics alone."""
