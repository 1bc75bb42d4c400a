"""Results kept with the code: a table for people, JSON for programs, a plot."""

from __future__ import annotations

from pathlib import Path

import msgspec

from evaluation.output.plots import bars
from evaluation.output.summary import provenance, report
from evaluation.scores.stream_scores import Results


def keep(results: Results, folder: Path) -> None:
    """Write `sets.md`, `sets.json` and `sets.svg` into the folder."""
    (folder / "sets.md").write_text(f"# Labelled streams\n\n{provenance()}\n{report(results)}")
    (folder / "sets.json").write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
    systems = {"newsloom": [one.b3.f1 for one in results.sets.values()]}
    for name in results.macro.baselines:
        systems[name] = [one.baselines[name].b3.f1 for one in results.sets.values()]
    bars(folder / "sets.svg", list(results.sets), systems, axis="B-cubed F1")
