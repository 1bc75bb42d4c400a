"""Torch in 16 bits, on the CPU in place of a CUDA device: only device and type differ."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from newsloom.streaming.errors import ConfigurationError
from services.embedder.backends import load_encoder
from services.embedder.encoder import Encoder
from services.embedder.exports.agreement import REQUIRED, measure_agreement
from services.embedder.model_files import DEFAULT_MODEL, find_model
from services.embedder.networks.torch_network import TOKENS_PER_PASS_CUDA, TorchNetwork
from services.embedder.sentence_encoder import load_model, open_encoder
from tests.unit.embedder.test_sentence_encoder import texts

TEXTS = texts(10)


def assert_a_batch_gives_the_bytes_of_single_calls(encoder: Encoder) -> None:
    alone = [encoder.encode([text]).tobytes() for text in TEXTS]
    for order in (list(range(len(TEXTS))), list(reversed(range(len(TEXTS))))):
        vectors = encoder.encode([TEXTS[index] for index in order])
        assert [vector.tobytes() for vector in vectors] == [alone[index] for index in order]


def test_a_network_in_16_bits_on_another_device_agrees_with_torch_and_does_not_depend_on_the_batch() -> None:
    model = find_model(DEFAULT_MODEL)
    reference = open_encoder(model)
    network = TorchNetwork("fake", load_model(model), device="cpu", dtype=torch.bfloat16)
    encoder = reference.with_network(network)
    assert encoder.backend == "fake"
    assert measure_agreement(encoder.encode(TEXTS), reference.encode(TEXTS)).meets(REQUIRED)
    assert_a_batch_gives_the_bytes_of_single_calls(encoder)


def test_a_pass_on_a_gpu_is_larger() -> None:
    # The meta device has shapes and no numbers.
    network = TorchNetwork("fake", load_model(find_model(DEFAULT_MODEL)), device="meta", dtype=torch.float16)
    assert network.tokens_per_pass == TOKENS_PER_PASS_CUDA


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_without_a_device_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"NEWSLOOM_BACKEND='cuda'.*NEWSLOOM_BACKEND=auto"):
        load_encoder(DEFAULT_MODEL, "cuda", str(tmp_path))
