"""What the wrong pairs take away is what B-cubed is short of 1."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from evaluation.errors import FALSE, MISSED, wrong_pairs
from evaluation.scores.metrics import b_cubed
from evaluation.tune import ground_of
from services.clusterer.core.parameters import Parameters
from tests.unit.evaluation.test_compiled_rules import stream

MIXED = msgspec.structs.replace(Parameters(), bar_base=0.05, second_look_discount=0.0)


def test_wrong_pairs_add_up_to_what_precision_and_recall_are_short_of() -> None:
    ground = ground_of(stream(1, articles=160))
    found = ground.found(MIXED, seed=3)
    assert found is not None
    b3 = b_cubed(ground.gold.tolist(), found.tolist())
    false, missed = wrong_pairs(ground, MIXED, seed=3)
    assert 1 - b3.precision == pytest.approx(false.weights.sum())
    assert 1 - b3.recall == pytest.approx(missed.weights.sum())
    assert min(false.weights.size, missed.weights.size) > 0


def test_every_wrong_pair_is_in_one_row_of_days_and_in_one_of_what_became_of_it() -> None:
    false, missed = wrong_pairs(ground_of(stream(2, articles=160)), MIXED, seed=1)
    for wrong, rows in ((false, FALSE), (missed, MISSED)):
        chosen = [rows[name](wrong) for name in list(rows)[1:]]
        assert np.all(np.sum(chosen, axis=0) == 2)
