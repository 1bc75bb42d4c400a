"""The requests of `newsloom ingest --listen`."""

from __future__ import annotations

from typing import IO, Any

import click

from newsloom.settings import Settings
from services.ingest.article_parser import ParseOptions
from services.ingest.http_service import serve_articles


def ingest_requests(
    settings: Settings, listen: str, *, strict: bool, from_start: bool, rejects: IO[bytes] | None, **parsing: Any
) -> int:
    """Serve POST /articles at `listen`, HOST:PORT, until a signal; return the exit status.

    Raises:
        UsageError: an option is for files only, or the address is wrong.

    """
    if strict or from_start or rejects is not None:
        raise click.UsageError("--strict, --from-start and --rejects are for files of articles, not for requests")
    host, _, port = listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65_535:  # noqa: PLR2004 - TCP
        raise click.UsageError(f"--listen {listen!r} is not HOST:PORT, such as 127.0.0.1:8090")
    return serve_articles(settings, host.strip("[]"), int(port), ParseOptions(**parsing))
