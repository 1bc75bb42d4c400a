"""Assign partitions to the members of a consumer group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


def assign(eligible: Mapping[int, frozenset[str]], owners: Mapping[int, str]) -> dict[int, str]:
    """Return an owner for every partition, balanced by count, with as few changes of the current `owners` as possible.

    `eligible` has the members that may own each partition; a partition without any gets no owner. The result depends on
    the arguments alone.
    """
    result = {partition: owners[partition] for partition in eligible if owners.get(partition) in eligible[partition]}
    load = Counter(result.values())
    for partition, members in eligible.items():
        if partition not in result and members:
            result[partition] = _least_loaded(members, load)
            load[result[partition]] += 1
    while move := _balancing_move(eligible, result, load):
        partition, receiver = move
        load[result[partition]] -= 1
        load[receiver] += 1
        result[partition] = receiver
    return result


def _least_loaded(members: frozenset[str], load: Counter[str]) -> str:
    return min(members, key=lambda member: (load[member], member))


def _balancing_move(
    eligible: Mapping[int, frozenset[str]], result: dict[int, str], load: Counter[str]
) -> tuple[int, str] | None:
    """Return a partition and its new owner if that balances two loads. Each move lowers the sum of squared loads, so they end."""
    for partition, owner in sorted(result.items(), key=lambda item: (-load[item[1]], item[1], -item[0])):
        receiver = _least_loaded(eligible[partition], load)
        if load[owner] - load[receiver] >= 2:  # noqa: PLR2004 - a difference of one is balanced
            return partition, receiver
    return None
