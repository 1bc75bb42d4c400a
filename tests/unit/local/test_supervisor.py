"""Supervise small real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import services.local.supervisor as module
from newsloom.streaming.errors import ConfigurationError
from services.local.supervisor import ProcessSpec, ServiceFailed, StopSignals, Supervisor

DEADLINE_S = 20.0


def eventually(condition: Callable[[], bool], *, meanwhile: Callable[[], None] = lambda: None) -> None:
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true"
        meanwhile()
        pause.wait(0.01)


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def python_process(folder: Path, name: str, body: str) -> ProcessSpec:
    """Build a process that first appends its process id to `<name>.pids`, then runs `body`."""
    path = folder / f"{name}.py"
    start = f"import os, signal, sys, time\nopen({str(folder / name)!r} + '.pids', 'a').write(f'{{os.getpid()}}\\n')\n"
    path.write_text(start + textwrap.dedent(body))
    return ProcessSpec(name, (sys.executable, str(path)))


def pids(folder: Path, name: str) -> list[int]:
    path = folder / f"{name}.pids"
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


RUNS = "signal.pause()\n"
ENDS_ON_SIGTERM = """
    signal.signal(signal.SIGTERM, lambda *_: (open(__file__ + '.ended', 'w').close(), sys.exit(0)))
    open(__file__ + '.ready', 'w').close()
    while True:
        signal.pause()
    """
IGNORES_SIGTERM = """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(__file__ + '.ready', 'w').close()
    while True:
        signal.pause()
    """

Supervise = Callable[..., Supervisor]


@pytest.fixture
def supervise(monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervise]:
    monkeypatch.setattr(module, "BACKOFF_FIRST_S", 0.01)
    started: list[Supervisor] = []

    def start(*services: ProcessSpec, deaths_max: int | None = None) -> Supervisor:
        supervisor = Supervisor(services, environ=os.environ, deaths_max=deaths_max)
        started.append(supervisor)
        supervisor.check()
        return supervisor

    yield start
    hurry = threading.Event()
    hurry.set()
    for supervisor in started:
        supervisor.stop(hurry)


def test_a_dead_process_is_restarted_and_the_other_left_alone(tmp_path: Path, supervise: Supervise) -> None:
    supervisor = supervise(python_process(tmp_path, "one", RUNS), python_process(tmp_path, "two", RUNS))
    eventually(lambda: len(pids(tmp_path, "one")) == 1 and len(pids(tmp_path, "two")) == 1)
    os.kill(pids(tmp_path, "one")[0], signal.SIGKILL)
    eventually(lambda: len(pids(tmp_path, "one")) == 2, meanwhile=supervisor.check)
    assert is_alive(pids(tmp_path, "one")[1])
    assert len(pids(tmp_path, "two")) == 1


def test_each_death_in_a_row_doubles_the_delay(
    tmp_path: Path, supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKOFF_FIRST_S", 0.2)
    supervisor = supervise(python_process(tmp_path, "one", "sys.exit(1)\n"))
    begun = time.monotonic()
    eventually(lambda: len(pids(tmp_path, "one")) == 4, meanwhile=supervisor.check)
    assert time.monotonic() - begun >= 0.2 + 0.4 + 0.8


def test_a_configuration_error_is_not_retried(tmp_path: Path, supervise: Supervise) -> None:
    supervisor = supervise(python_process(tmp_path, "one", "sys.exit(78)\n"))
    with pytest.raises(ConfigurationError, match="the one cannot work"):
        eventually(lambda: False, meanwhile=supervisor.check)
    assert len(pids(tmp_path, "one")) == 1


def test_a_run_with_deaths_max_fails_after_that_many_deaths(tmp_path: Path, supervise: Supervise) -> None:
    supervisor = supervise(python_process(tmp_path, "one", "sys.exit(75)\n"), deaths_max=3)
    with pytest.raises(ServiceFailed, match="died 3 times in a row, last with exit status 75"):
        eventually(lambda: False, meanwhile=supervisor.check)
    assert len(pids(tmp_path, "one")) == 3


def test_stop_lets_processes_end_by_themselves(tmp_path: Path, supervise: Supervise) -> None:
    supervisor = supervise(python_process(tmp_path, "one", ENDS_ON_SIGTERM))
    eventually((tmp_path / "one.py.ready").exists)
    supervisor.stop(threading.Event())
    assert (tmp_path / "one.py.ended").exists()
    assert not is_alive(pids(tmp_path, "one")[0])


def test_stop_kills_a_process_that_does_not_end_in_time(
    tmp_path: Path, supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_S", 0.2)
    supervisor = supervise(python_process(tmp_path, "one", IGNORES_SIGTERM))
    eventually((tmp_path / "one.py.ready").exists)
    supervisor.stop(threading.Event())
    assert not is_alive(pids(tmp_path, "one")[0])


def test_a_hurried_stop_does_not_wait(tmp_path: Path, supervise: Supervise) -> None:
    supervisor = supervise(python_process(tmp_path, "one", IGNORES_SIGTERM))
    eventually((tmp_path / "one.py.ready").exists)
    hurry = threading.Event()
    hurry.set()
    begun = time.monotonic()
    supervisor.stop(hurry)
    assert time.monotonic() - begun < module.STOP_S / 2
    assert not is_alive(pids(tmp_path, "one")[0])


def test_the_first_signal_stops_and_the_second_hurries() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopSignals() as signals:
        signal.raise_signal(signal.SIGINT)
        assert (signals.stop.is_set(), signals.hurry.is_set()) == (True, False)
        signal.raise_signal(signal.SIGTERM)
        assert signals.hurry.is_set()
    assert signal.getsignal(signal.SIGINT) is before


SUPERVISING_PROGRAM = """
    import os, sys, time
    from services.local.supervisor import ProcessSpec, Supervisor
    command = (sys.executable, "-m", "services.local.child_process", sys.argv[1])
    Supervisor([ProcessSpec("one", command), ProcessSpec("two", command)], environ=os.environ).check()
    time.sleep(600)  # Until it is killed; its services must notice.
    """
CHILD_SERVICE = """
    import os, signal
    def end(*_):
        os.rename(f"{os.getpid()}.pid", f"{os.getpid()}.ended")
        raise SystemExit
    signal.signal(signal.SIGTERM, end)
    open(f"{os.getpid()}.pid", "w").close()
    while True:
        signal.pause()
    """


def test_no_service_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    (tmp_path / "child_service.py").write_text(textwrap.dedent(CHILD_SERVICE))
    (tmp_path / "supervising.py").write_text(textwrap.dedent(SUPERVISING_PROGRAM))
    root = str(Path(module.__file__).parents[2])
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([root, str(tmp_path)])}
    supervisor = subprocess.Popen([sys.executable, "supervising.py", "child_service"], cwd=tmp_path, env=environ)
    eventually(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
    services = [int(path.stem) for path in tmp_path.glob("*.pid")]
    assert all(map(is_alive, services))
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    eventually(lambda: not any(map(is_alive, services)))
    # They ended by themselves and could finish their batch.
    assert len(list(tmp_path.glob("*.ended"))) == 2
