from __future__ import annotations

from pathlib import Path

import msgspec

from evaluation.scores.metrics import PrecisionRecall
from evaluation.scores.trials import Trials
from evaluation.streams.event_stream import Prepared, prepare_stream
from evaluation.streams.stream import read_stream
from services.clusterer.core.parameters import Parameters
from tests.unit.evaluation.newsroom import WordEncoder, rows_of_three_stories, write_stream

SHIPPED = Parameters()
MORE = msgspec.structs.replace(SHIPPED, candidates=SHIPPED.candidates + 1)


def prepared(folder: Path, name: str, rows: list[dict[str, object]]) -> Prepared:
    return prepare_stream(read_stream(write_stream(folder, name, rows)), WordEncoder())


def test_trials_are_run_once_and_again_where_something_has_changed(tmp_path: Path) -> None:
    rows, file = rows_of_three_stories(), tmp_path / "cache" / "trials.jsonl"
    everything, some = prepared(tmp_path, "everything", rows), prepared(tmp_path, "some", rows[:4])
    with Trials([everything, some], file, processes=1) as trials:
        [shipped, more] = trials.run([SHIPPED, MORE], ["everything", "some"])
        assert trials.run([MORE], ["some"]) == [{"some": more["some"]}]
    perfect = PrecisionRecall(precision=1.0, recall=1.0, f1=1.0)
    assert shipped == {"everything": perfect, "some": perfect}
    lines = file.read_bytes().splitlines(keepends=True)
    assert len(lines) == 4

    # Killed in the midst of a line, and one stream labelled anew: its trials are run again, and the one that was cut off.
    cut = next(place for place, line in enumerate(lines) if b'"some"' in line)
    whole = [line for place, line in enumerate(lines) if place != cut]
    file.write_bytes(b"".join(whole) + lines[cut][:30] + b"\n")
    relabelled = prepared(tmp_path, "everything", [{**one, "story": "one"} for one in rows])
    with Trials([relabelled, some], file, processes=1) as trials:
        again = trials.run([SHIPPED, MORE], ["everything", "some"])
    assert [found["some"] for found in again] == [perfect, perfect]
    assert all(found["everything"].recall < 1.0 for found in again)
    assert len(file.read_bytes().splitlines()) == 4 + 3
