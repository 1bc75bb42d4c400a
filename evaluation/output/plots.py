"""Plots as SVG. The same figures give the same file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure


def plot_groups(file: Path, groups: Sequence[str], systems: Mapping[str, Sequence[float]], *, axis: str) -> None:
    """Plot a group of bars per stream with one bar per system."""
    figure = Figure(figsize=(2 + 1.6 * len(groups), 4), layout="constrained")
    axes = figure.add_subplot()
    width = 0.8 / len(systems)
    for position, (name, heights) in enumerate(systems.items()):
        lefts = [group + position * width for group in range(len(groups))]
        axes.bar(lefts, heights, width, align="edge", label=name)
    axes.set_xticks([group + 0.4 for group in range(len(groups))], groups)
    axes.set_ylabel(axis)
    axes.set_ylim(0.0, 1.0)
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False)
    _save(figure, file)


def plot_changes(file: Path, changes: Mapping[str, float], *, axis: str) -> None:
    """Plot a horizontal bar per change, from 0 to the left or the right."""
    figure = Figure(figsize=(8, 1.5 + 0.22 * len(changes)), layout="constrained")
    axes = figure.add_subplot()
    names = list(changes)[::-1]
    axes.barh(names, [changes[name] for name in names], color=["C3" if changes[name] < 0 else "C0" for name in names])
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel(axis)
    axes.grid(axis="x", alpha=0.3)
    axes.margins(y=0.01)
    _save(figure, file)


def _save(figure: Figure, file: Path) -> None:
    with rc_context({"svg.hashsalt": "newsloom", "svg.fonttype": "none"}):
        FigureCanvasSVG(figure)
        figure.savefig(file, metadata={"Date": None})
