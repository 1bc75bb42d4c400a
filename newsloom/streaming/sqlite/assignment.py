"""Who gets which partition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


def assign(eligible: Mapping[int, frozenset[str]], owners: Mapping[int, str]) -> dict[int, str]:
    """An owner for every partition, balanced by count, changing as few of the present `owners` as that allows.

    `eligible` names the members that may have each partition; one that nobody may have gets no owner. The same input
    gives the same result.
    """
    result = {partition: owners[partition] for partition in eligible if owners.get(partition) in eligible[partition]}
    load = Counter(result.values())
    for partition, members in eligible.items():
        if partition not in result and members:
            result[partition] = _least(members, load)
            load[result[partition]] += 1
    while move := _better(eligible, result, load):
        partition, taker = move
        load[result[partition]] -= 1
        load[taker] += 1
        result[partition] = taker
    return result


def _least(members: frozenset[str], load: Counter[str]) -> str:
    return min(members, key=lambda member: (load[member], member))


def _better(
    eligible: Mapping[int, frozenset[str]], result: dict[int, str], load: Counter[str]
) -> tuple[int, str] | None:
    """A partition whose move makes two loads more even. Each such move lowers the sum of squares, so they end."""
    for partition, owner in sorted(result.items(), key=lambda item: (-load[item[1]], item[1], -item[0])):
        taker = _least(eligible[partition], load)
        if load[owner] - load[taker] >= 2:  # noqa: PLR2004 - a difference of one is as even as it gets
            return partition, taker
    return None
