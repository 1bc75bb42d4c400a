"""The costs of the wrong pairs add up to the loss of B-cubed."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from evaluation.errors import FALSE, MISSED, find_wrong_pairs
from evaluation.scores.metrics import b_cubed
from evaluation.tuning.compiled_stream import compile_stream
from services.clusterer.core.parameters import Parameters
from tests.unit.evaluation.random_stream import random_stream

MIXED = msgspec.structs.replace(Parameters(), bar_base=0.05, second_look_discount=0.0)


def test_costs_of_wrong_pairs_add_up_to_the_loss_of_precision_and_recall() -> None:
    compiled = compile_stream(random_stream(1, articles=160))
    found = compiled.replay(MIXED, seed=3)
    assert found is not None
    b3 = b_cubed(compiled.gold.tolist(), found.tolist())
    false, missed = find_wrong_pairs(compiled, MIXED, seed=3)
    assert 1 - b3.precision == pytest.approx(false.weights.sum())
    assert 1 - b3.recall == pytest.approx(missed.weights.sum())
    assert min(false.weights.size, missed.weights.size) > 0


def test_every_wrong_pair_is_in_one_row_of_days_and_in_one_row_of_stories() -> None:
    false, missed = find_wrong_pairs(compile_stream(random_stream(2, articles=160)), MIXED, seed=1)
    for wrong, rows in ((false, FALSE), (missed, MISSED)):
        chosen = [rows[name](wrong) for name in list(rows)[1:]]
        assert np.all(np.sum(chosen, axis=0) == 2)
