"""The joint evidence of reports equals that of a dictionary, in whatever parts it is kept."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.clusterer.core.evidence import Evidence, JointEvidence

reports = st.lists(st.dictionaries(st.integers(0, 20), st.integers(0, 63), max_size=8), max_size=20)
ASKED = np.arange(21, dtype=np.uint32)


def evidence(report: dict[int, int]) -> Evidence:
    return Evidence(
        np.array(sorted(report), dtype=np.uint32), np.array([report[stem] for stem in sorted(report)], np.uint8)
    )


@given(reports, reports, st.booleans())
def test_stems_are_counted_and_their_marks_joined(
    some: list[dict[int, int]], others: list[dict[int, int]], first: bool
) -> None:
    joint, absorbed = (JointEvidence(*map(evidence, parts)) for parts in (some, others))
    if first:
        joint.joint()
    joint.absorb(absorbed)
    counts, marks = Counter[int](), Counter[int]()
    for report in (*some, *others):
        for stem, mark in report.items():
            counts[stem] += 1
            marks[stem] |= mark
    assert joint.count(ASKED).tolist() == [counts[stem] for stem in range(21)]
    stems, found = joint.joint()
    assert dict(zip(stems.tolist(), found.tolist(), strict=True)) == {stem: marks[stem] for stem in sorted(counts)}
    assert joint.count(ASKED).tolist() == [counts[stem] for stem in range(21)]
    assert joint.reports == sum(map(bool, (*some, *others)))
