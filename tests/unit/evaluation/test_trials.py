from __future__ import annotations

from pathlib import Path

import msgspec

from evaluation.scores.metrics import PrecisionRecall
from evaluation.scores.trials import TRIALS_FILE, Trials
from evaluation.streams.event_stream import EventStream, build_event_stream
from evaluation.streams.files import read_stream
from services.clusterer.core.parameters import Parameters
from tests.unit.evaluation.invented_stream import WordEncoder, rows_of_three_stories, write_stream

SHIPPED = Parameters()
MORE = msgspec.structs.replace(SHIPPED, candidates=SHIPPED.candidates + 1)


def event_stream(folder: Path, name: str, rows: list[dict[str, object]]) -> EventStream:
    return build_event_stream(read_stream(write_stream(folder, name, rows)), WordEncoder())


def test_a_trial_runs_once_and_again_after_a_change(tmp_path: Path) -> None:
    rows, cache = rows_of_three_stories(), tmp_path / "cache"
    everything, some = event_stream(tmp_path, "everything", rows), event_stream(tmp_path, "some", rows[:4])
    with Trials([everything, some], cache, processes=1) as trials:
        [shipped, more] = trials.run([SHIPPED, MORE], ["everything", "some"])
        assert trials.run([MORE], ["some"]) == [{"some": more["some"]}]
    perfect = PrecisionRecall(precision=1.0, recall=1.0, f1=1.0)
    assert shipped == {"everything": perfect, "some": perfect}
    file = cache / TRIALS_FILE
    lines = file.read_bytes().splitlines(keepends=True)
    assert len(lines) == 4

    # A kill cuts a line short, and one stream gets new labels: its trials and the one of the short line run again.
    cut = next(index for index, line in enumerate(lines) if b'"some"' in line)
    whole = [line for index, line in enumerate(lines) if index != cut]
    file.write_bytes(b"".join(whole) + lines[cut][:30] + b"\n")
    relabelled = event_stream(tmp_path, "everything", [{**one, "story": "one"} for one in rows])
    with Trials([relabelled, some], cache, processes=1) as trials:
        again = trials.run([SHIPPED, MORE], ["everything", "some"])
    assert [found["some"] for found in again] == [perfect, perfect]
    assert all(found["everything"].recall < 1.0 for found in again)
    assert len(file.read_bytes().splitlines()) == 4 + 3
