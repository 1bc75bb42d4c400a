"""The events: what travels between producers, the services and subscribers. Imports nothing of ours."""
