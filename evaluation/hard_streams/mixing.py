"""A labelled stream with scenes of a hard stream mixed in."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Final

import msgspec

from evaluation.hard_streams.stream import (
    START,
    HardStream,
    HardStreamRequest,
    LabelledScene,
    generate_scenes,
    merged_labels,
    moved_scene,
)
from evaluation.streams.stream import Stream, in_replay_order

WEEK_DAYS: Final = 7


def mix_into(stream: Stream, request: HardStreamRequest, *, share: float) -> HardStream:
    """Return the stream with `share` times as many hard articles as it has itself, which are not part of its gold stories.

    Whole scenes are drawn, and moved by whole weeks to about the date of a random article, so that the days that their texts
    name stay right. All articles come by publication time.
    """
    random = Random(f"{request.seed}/{stream.name}")  # noqa: S311 - no secret
    wanted = round(share * len(stream.articles))
    enough = msgspec.structs.replace(request, articles=max(request.articles, wanted))
    scenes = list(generate_scenes(enough))
    random.shuffle(scenes)
    mixed: list[LabelledScene] = []
    added = 0
    for scene in scenes:
        if added >= wanted:
            break
        target = random.choice(stream.articles).published_at
        moved = moved_scene(scene, days=WEEK_DAYS * round((target - START).days / WEEK_DAYS))
        mixed.append(moved)
        added += len(moved.articles)
    hard = [replace(one, story=None) for scene in mixed for one in scene.articles]
    name = f"{stream.name}+{request.name}"
    return HardStream(Stream(name, in_replay_order([*stream.articles, *hard])), merged_labels(mixed))
