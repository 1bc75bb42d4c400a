"""The costs of the wrong pairs add up to the loss of B-cubed."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from evaluation.errors import FALSE, MISSED, find_wrong_pairs
from evaluation.replays.replay import replay
from evaluation.scores.metrics import b_cubed
from evaluation.scores.stream_scores import found_labels
from services.clusterer.core.parameters import Parameters
from tests.unit.evaluation.random_stream import random_stream

MIXED = msgspec.structs.replace(Parameters(), bar_base=0.05, second_look_discount=0.0)


def test_costs_of_wrong_pairs_add_up_to_the_loss_of_precision_and_recall() -> None:
    stream = random_stream(1, articles=160)
    labels = found_labels(stream.gold, replay(stream.events, MIXED).final)
    b3 = b_cubed(stream.gold.stories, labels)
    false, missed = find_wrong_pairs(stream.gold, labels)
    assert 1 - b3.precision == pytest.approx(false.weights.sum())
    assert 1 - b3.recall == pytest.approx(missed.weights.sum())
    assert min(false.weights.size, missed.weights.size) > 0


def test_every_wrong_pair_is_in_one_row_of_days_and_in_one_row_of_stories() -> None:
    stream = random_stream(2, articles=160)
    for wrong, rows in zip(
        find_wrong_pairs(stream.gold, found_labels(stream.gold, replay(stream.events, MIXED).final)),
        (FALSE, MISSED),
        strict=True,
    ):
        chosen = [rows[name](wrong) for name in list(rows)[1:]]
        assert np.all(np.sum(chosen, axis=0) == 2)
