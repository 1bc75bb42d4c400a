"""The comparison of backends: cosines over titles and leads, and a verdict by cosines and by F1."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from evaluation.backends import BackendResult, backend_rows, vectors_of
from evaluation.scores.comparison import F1Row
from evaluation.streams.event_stream import build_event_stream
from evaluation.streams.files import read_stream
from services.embedder.backends import ONNX_INT8, TORCH
from services.embedder.exports.agreement import Agreement, measure_agreement
from tests.unit.evaluation.invented_stream import WordEncoder, rows_of_three_stories, write_stream

PERFECT = Agreement(texts=2, cosine_min=1.0, cosine_mean=1.0)


def test_the_vectors_of_a_stream_are_those_of_titles_and_leads(tmp_path: Path) -> None:
    stream = build_event_stream(read_stream(write_stream(tmp_path, "s", rows_of_three_stories())), WordEncoder())
    vectors = vectors_of([stream, stream])
    assert len(vectors) == 4 * len(stream.events)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    agreement = measure_agreement(vectors, vectors)
    assert agreement.texts == len(vectors)
    np.testing.assert_allclose((agreement.cosine_min, agreement.cosine_mean), 1, atol=1e-6)


def test_the_lowest_and_the_mean_cosine_are_those_of_the_rows() -> None:
    reference = np.array([[1, 0], [0, 1]], dtype=np.float32)
    agreement = measure_agreement(np.array([[1, 0], [0.6, 0.8]], dtype=np.float32), reference)
    np.testing.assert_allclose((agreement.cosine_min, agreement.cosine_mean), (0.8, 0.9), atol=1e-6)


def test_a_backend_agrees_by_cosines_and_by_f1() -> None:
    torch = BackendResult(TORCH, PERFECT, F1Row("torch", {"s": 0.9}))
    low = Agreement(texts=2, cosine_min=0.98, cosine_mean=0.999)
    others = [
        BackendResult(ONNX_INT8, PERFECT, F1Row("near", {"s": 0.902})),
        BackendResult(ONNX_INT8, PERFECT, F1Row("far", {"s": 0.896})),
        BackendResult(ONNX_INT8, low, F1Row("low", {"s": 0.9})),
    ]
    rows = backend_rows([torch, *others])
    assert [row[-1] for row in rows] == ["yes", "yes", "no", "no"]
    assert [row[-2] for row in rows] == ["+0.0000", "+0.0020", "-0.0040", "+0.0000"]
