"""An installation under another prefix: other partition counts, or another model."""
