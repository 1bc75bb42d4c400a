"""The forward pass of a model, by each runtime. A module here imports its runtime, so import it only when it is used."""
