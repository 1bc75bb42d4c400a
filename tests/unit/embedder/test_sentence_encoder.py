"""The default model gives the expected vectors, and the same bits for a text in any batch."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path

import numpy as np
import pytest

from newsloom.streaming.errors import ConfigurationError
from services.embedder.backends import load_encoder
from services.embedder.batching import PADDING_MULTIPLE, TOKENS_PER_PASS
from services.embedder.model_files import DEFAULT_MODEL, check_weights, find_model
from services.embedder.sentence_encoder import SentenceEncoder, open_encoder
from services.embedder.tokenization import E5_PROMPT, TOKENS_MAX, known_prompt

FERRY = "Ferry sinks off Port Selden. Divers found the bell in forty metres of water."
BELL = "Bell of sunken ferry found. It lay forty metres deep, divers in Port Selden said."
GAME = "Selden United win the cup. Two late goals settled the final."

GOLDEN = Path(__file__).with_name("golden_vectors.json")
"""Vectors by text (float16, base64), from SentenceTransformer.encode with the released weights."""


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return open_encoder(find_model(DEFAULT_MODEL))


def texts(count: int) -> list[str]:
    """Return texts of 1 to 200 words. Every second one is a headline, so that passes of every shape occur."""
    chance = random.Random(3)  # noqa: S311 - not a secret
    words = FERRY.split() + BELL.split() + GAME.split()
    lengths = [chance.randint(1, 14) if number % 2 else chance.randint(1, 200) for number in range(count)]
    return [" ".join(chance.choices(words, k=length)) for length in lengths]


def test_the_encoder_has_the_models_name_and_dimension(encoder: SentenceEncoder) -> None:
    assert (encoder.model, encoder.dimension) == (DEFAULT_MODEL, 384)


def test_vectors_have_unit_length(encoder: SentenceEncoder) -> None:
    vectors = encoder.encode([FERRY, "x", "", "word " * 1_000])
    assert (vectors.shape, vectors.dtype) == ((4, 384), np.dtype(np.float32))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert encoder.encode([]).shape == (0, 384)


def test_vectors_match_the_golden_vectors(encoder: SentenceEncoder) -> None:
    golden = json.loads(GOLDEN.read_text())
    expected = [np.frombuffer(base64.b64decode(vector), dtype="<f2").astype(np.float32) for vector in golden.values()]
    cosines = (encoder.encode(list(golden)) * np.stack(expected)).sum(axis=1)
    # Compare by cosine, because processors differ in the last digits.
    np.testing.assert_allclose(cosines, 1, atol=1e-3)


def test_texts_about_one_event_are_more_similar(encoder: SentenceEncoder) -> None:
    ferry, bell, game = encoder.encode([FERRY, BELL, GAME])
    assert ferry @ bell > 0.7
    assert ferry @ game < 0.3


def test_a_batch_gives_the_same_bytes_as_single_calls(encoder: SentenceEncoder) -> None:
    several = texts(24)
    alone = {text: encoder.encode([text]).tobytes() for text in several}
    for seed in range(2):
        order = random.Random(seed).sample(several, len(several))  # noqa: S311 - not a secret
        assert [vector.tobytes() for vector in encoder.encode(order)] == [alone[text] for text in order]


def test_a_headline_gives_the_same_bytes_in_every_row_of_a_pass(encoder: SentenceEncoder) -> None:
    rows = TOKENS_PER_PASS // PADDING_MULTIPLE
    others = ["Selden votes", "Storm in the harbour", "Bell", "Price of herring falls again"]
    alone = encoder.encode(["Ferry sinks"]).tobytes()
    for row in range(rows):
        batch = [others[number % len(others)] for number in range(rows)]
        batch[row] = "Ferry sinks"
        assert encoder.encode(batch)[row].tobytes() == alone


def test_a_text_is_truncated_at_the_token_limit(encoder: SentenceEncoder) -> None:
    long = "word " * (TOKENS_MAX - 2)
    assert encoder.encode([long + "ferry"]).tobytes() == encoder.encode([long + "storm"]).tobytes()
    assert encoder.encode(["word ferry"]).tobytes() != encoder.encode(["word storm"]).tobytes()


def test_weights_with_another_checksum_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"other")
    with pytest.raises(ConfigurationError, match="sha256"):
        check_weights(weights, "0" * 64)
    with pytest.raises(ConfigurationError, match="cannot read"):
        check_weights(tmp_path / "missing", "0" * 64)


@pytest.mark.parametrize("name", ["/no/such/folder", "not a name"])
def test_a_name_without_a_model_gives_an_error_of_one_line(name: str) -> None:
    with pytest.raises(ConfigurationError, match="NEWSLOOM_MODEL") as caught:
        find_model(name)
    assert "\n" not in str(caught.value)
    assert DEFAULT_MODEL in str(caught.value)


def test_a_folder_without_a_model_gives_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="NEWSLOOM_MODEL"):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "prompt"),
    [("intfloat/multilingual-e5-small", E5_PROMPT), ("intfloat/e5-base-v2", E5_PROMPT), (DEFAULT_MODEL, "")],
)
def test_the_e5_family_gets_the_prompt_that_its_files_do_not_name(name: str, prompt: str) -> None:
    assert known_prompt(name) == prompt
