"""Laws of the assignment of partitions."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from newsloom.streaming.sqlite.assignment import assign

members = st.frozensets(st.sampled_from("abcdef"))
partitions = st.sets(st.integers(0, 30), max_size=20)
owners = st.dictionaries(st.integers(0, 30), st.sampled_from("abcdefgh"))


@given(partitions, members, owners)
def test_every_partition_has_an_owner_and_loads_differ_by_one_at_most(
    ids: set[int], group: frozenset[str], before: dict[int, str]
) -> None:
    after = assign(dict.fromkeys(sorted(ids), group), before)
    assert set(after) == (ids if group else set())
    assert set(after.values()) <= group
    shares = Counter(dict.fromkeys(group, 0)) + Counter(after.values())
    loads = [shares[member] for member in group]
    assert not loads or max(loads) - min(loads) <= 1


@given(partitions, members, owners)
def test_a_balanced_assignment_does_not_change(ids: set[int], group: frozenset[str], before: dict[int, str]) -> None:
    eligible = dict.fromkeys(sorted(ids), group)
    after = assign(eligible, before)
    assert assign(eligible, after) == after


@given(partitions, members)
def test_a_new_member_takes_only_its_share_and_nothing_else_moves(ids: set[int], group: frozenset[str]) -> None:
    before = assign(dict.fromkeys(sorted(ids), group), {})
    after = assign(dict.fromkeys(sorted(ids), group | {"new"}), before)
    moved = {id_ for id_ in ids if before.get(id_) != after[id_]}
    assert all(after[id_] == "new" for id_ in moved)
    assert len(moved) <= -(-len(ids) // (len(group) + 1))


@given(st.dictionaries(st.integers(0, 30), members, max_size=20), owners)
def test_a_member_gets_only_partitions_of_its_topics(
    eligible: dict[int, frozenset[str]], before: dict[int, str]
) -> None:
    after = assign(eligible, before)
    assert set(after) == {id_ for id_, group in eligible.items() if group}
    assert all(owner in eligible[id_] for id_, owner in after.items())
