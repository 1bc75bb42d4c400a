"""Bytes in, bytes out, exactly once: a log port, two logs behind it, and the one loop that services run."""
