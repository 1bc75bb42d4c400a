"""The story engine. Pure: no I/O, no clock, no randomness, no logging; the same input always gives the same stories."""
