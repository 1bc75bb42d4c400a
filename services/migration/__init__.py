"""Copy an installation to another topic prefix: with other partition counts, or with the vectors of another model."""
