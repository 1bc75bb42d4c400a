"""The events that producers, services and subscribers exchange, and their topics. Imports no other part of newsloom."""
