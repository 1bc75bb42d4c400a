"""Rendering: what the commands print. Views read results and contracts; they open no log and start no work."""
