"""A CPU limit below the cores of the node."""

from __future__ import annotations

import json

import pytest

from tests.pods.conftest import measured
from tests.pods.installation import Installation

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(1_200)]


def test_the_encoder_has_a_thread_for_each_cpu_of_the_limit_and_the_same_vectors(newsloom: Installation) -> None:
    program = (
        "import hashlib, json; from services.embedder.backends import load_encoder;"
        "encoder = load_encoder('all-MiniLM-L6-v2'); vectors = encoder.encode([f'News {n}. ' * n for n in range(1, 60)]);"
        "print(json.dumps([encoder._workers._max_workers, hashlib.sha256(vectors.tobytes()).hexdigest()]))"
    )
    with newsloom.extra_pod("slow", "embedder", {}, cpu="1"):
        newsloom.wait_ready("slow", 600)
        one, two = (
            json.loads(newsloom.kubectl("exec", pod, "--", "python", "-c", program).splitlines()[-1])
            for pod in ("slow", "newsloom-embedder-0")
        )
    measured(f"encoder threads with a CPU limit of 1 and of 2: {one[0]} and {two[0]}")
    assert (one[0], two[0]) == (1, 2)
    assert one[1] == two[1]
