"""`newsloom`: what an operator types."""
