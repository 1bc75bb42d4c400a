"""The services that an operator deploys, and the programs around them: command line, ingest, migration, verifier."""
