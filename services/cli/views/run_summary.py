"""Lines that `newsloom ingest` and `newsloom run` print when they end."""

from __future__ import annotations

from services.cli.views.formatting import count
from services.ingest.article_parser import ParseOptions
from services.ingest.runner import IngestResult
from services.local.installation import LogSummary


def ingest_summary(result: IngestResult, parsing: ParseOptions) -> str:
    """Return one line, such as `ingested 147 articles, 1 retraction; 1 line rejected`."""
    if not result.lines and not result.rejected:
        seen = f": all {result.lines_skipped:,} lines were ingested before" if result.lines_skipped else ""
        return f"nothing new{seen}"
    parts = [count(result.articles, "article")]
    if result.retractions:
        parts.append(count(result.retractions, "retraction"))
    adaptations = {
        f"{count(result.articles_cut, 'article')} cut at the length limit": result.articles_cut,
        f"{count(result.zones_assumed, 'date')} without a zone read as {parsing.timezone}": result.zones_assumed,
        f"{count(result.rejected, 'line')} rejected": result.rejected,
        **{
            f"{count(number, 'article')} without {name} (--map {field}={name})": number
            for field, name in parsing.sources.items()
            if (number := result.absent[field])
        },
    }
    return "; ".join([f"ingested {', '.join(parts)}", *(text for text, number in adaptations.items() if number)])


def log_summary(summary: LogSummary) -> list[str]:
    """Return a line for the stories, and one for the dead letters if there are any."""
    lines = [f"{count(summary.articles, 'article')} in {summary.open:,} open and {summary.closed:,} closed stories"]
    if summary.dead_letters:
        lines.append(f"{count(summary.dead_letters, 'dead letter')}: `newsloom dead-letters list` shows the reasons")
    return lines
