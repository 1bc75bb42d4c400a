"""The verifier: reads all topics of an installation and checks that they are consistent. It imports no other service."""
