"""A pod that cannot start says why in its termination message, and becomes Ready by itself after the fix."""

from __future__ import annotations

import pytest

from tests.pods.installation import Installation, run_newsloom

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(900)]

RESTART_S_MAX = 240


def test_missing_topics(newsloom: Installation) -> None:
    with newsloom.extra_pod("lost", "clusterer", {"NEWSLOOM_TOPIC_PREFIX": "lost."}):
        assert "lost.article-vectors" in newsloom.reason_of_end("lost")
        run_newsloom(newsloom.url, ["topics", "create"], NEWSLOOM_TOPIC_PREFIX="lost.")
        newsloom.wait_ready("lost", RESTART_S_MAX)


def test_a_wrong_setting(newsloom: Installation) -> None:
    with newsloom.extra_pod("wrong", "clusterer", {"NEWSLOOM_DEAD_LETTER_SHARE_MAX": "many"}):
        assert "NEWSLOOM_DEAD_LETTER_SHARE_MAX" in newsloom.reason_of_end("wrong")
