"""Results files: a Markdown page for people, JSON for programs, a plot."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from evaluation.output.plots import plot_groups
from evaluation.output.summary import summary
from evaluation.scores.results import Results
from newsloom.settings import load_settings


def publish_page(file: Path, title: str, *parts: str) -> None:
    """Write a page with its provenance, and print it."""
    text = f"# {title}\n\n{_provenance()}\n" + "\n\n".join(parts) + "\n"
    file.write_text(text)
    click.echo(text, nl=False)


def write_results(results: Results, folder: Path) -> None:
    """Write `sets.md`, `sets.json` and `sets.svg` into the folder."""
    (folder / "sets.md").write_text(f"# Labelled streams\n\n{_provenance()}\n{summary(results)}")
    (folder / "sets.json").write_text(results.to_json())
    systems = {"newsloom": [one.b3.f1 for one in results.sets.values()]}
    for name in results.macro.baselines:
        systems[name] = [one.baselines[name].b3.f1 for one in results.sets.values()]
    plot_groups(folder / "sets.svg", list(results.sets), systems, axis="B-cubed F1")


def _provenance() -> str:
    """Return the command, model, machine, versions and date."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = ["newsloom"] if spec is None else ["python", "-m", spec.name.removesuffix(".__main__")]
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "faiss-cpu", "scikit-learn"))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"
    return (
        f"Command: `{shlex.join([*program, *sys.argv[1:]])}`  \n"
        f"Model: {load_settings(os.environ).model}  \n"
        f"Machine: {machine}; Python {platform.python_version()}, {libraries}  \n"
        f"Date: {datetime.now(UTC):%Y-%m-%d}\n"
    )
