"""A process that reads untrusted data ends at its limits, and takes nobody with it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.feeds.limited_process import DataRefused, LimitExceeded, run_limited

HUNGRY = "tests.unit.feeds.hungry_process"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))


def run(what: str, *, cpu_s: int = 30) -> bytes:
    return asyncio.run(run_limited(HUNGRY, what, data=b"x" * 100_000, cpu_s=cpu_s))


def test_its_output_comes_back() -> None:
    assert run("nothing") == b"x" * 100_000


def test_a_process_that_takes_too_long_is_ended() -> None:
    with pytest.raises(LimitExceeded, match="reading 100,000 bytes takes more than 1 s or 1,024 MiB"):
        run("time", cpu_s=1)


def test_a_process_that_takes_too_much_memory_is_ended() -> None:
    with pytest.raises(LimitExceeded):
        run("memory")


def test_a_defect_is_named() -> None:
    with pytest.raises(DataRefused, match="a defect of the program that reads it: ZeroDivisionError"):
        run("defect")


def test_a_refusal_is_named() -> None:
    with pytest.raises(DataRefused, match="not for me"):
        run("refusal")
