"""Producers may name any number of editions, so a small edition must take little memory."""

from __future__ import annotations

from services.clusterer.core.space import StorySpace


def test_the_space_of_one_story_is_small_and_grows() -> None:
    space = StorySpace(384)
    slots = [space.open("st-0")]
    assert space.sums.nbytes < 2**18
    slots += [space.open(f"st-{number}") for number in range(1, 1_000)]
    assert sorted(slots) == list(range(1_000))
    assert len(space.sums) < 2_000
