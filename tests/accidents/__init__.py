"""Ordinary accidents at scale: a crawler that mints new ids, a take-down, producers that name thousands of editions."""
