"""Lines that `newsloom ingest` and `newsloom run` print when they end."""

from __future__ import annotations

from services.cli.views.formatting import count
from services.ingest.runner import IngestResult
from services.local.installation import LogSummary


def ingest_summary(result: IngestResult) -> str:
    """Return one line, such as `ingested 147 articles, 1 retraction; 1 line rejected`."""
    if not result.lines and not result.rejected:
        seen = f": all {result.lines_skipped:,} lines were ingested before" if result.lines_skipped else ""
        return f"nothing new{seen}"
    parts = [count(result.articles, "article")]
    if result.retractions:
        parts.append(count(result.retractions, "retraction"))
    rejected = f"; {count(result.rejected, 'line')} rejected" if result.rejected else ""
    return f"ingested {', '.join(parts)}{rejected}"


def log_summary(summary: LogSummary) -> list[str]:
    """Return a line for the stories, and one for the dead letters if there are any."""
    lines = [f"{count(summary.articles, 'article')} in {summary.open:,} open and {summary.closed:,} closed stories"]
    if summary.dead_letters:
        lines.append(f"{count(summary.dead_letters, 'dead letter')}: `newsloom dead-letters list` shows the reasons")
    return lines
