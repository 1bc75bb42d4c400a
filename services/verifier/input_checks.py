"""Checks from the articles to the clusterer's input: no record is skipped, forwarded twice, or rejected without a reason."""

from __future__ import annotations

from collections import defaultdict

from newsloom.contracts.pipeline import CLUSTERER, EMBEDDER, SERVICES, RecordId
from newsloom.contracts.topics import ARTICLE_VECTORS, DEAD_LETTERS
from newsloom.streaming.records import TopicPartition
from services.verifier.findings import Findings, Invariant
from services.verifier.topic_contents import DeadLetter, ForwardedRecord, TopicContents

ForwardedBySource = dict[TopicPartition, dict[int, ForwardedRecord]]


def check_inputs(contents: TopicContents, findings: Findings) -> None:
    """Check every article, command, vector, dead letter and committed offset."""
    _check_committed_offsets(contents, findings)
    _check_dead_letters(contents, findings)
    _check_decodable(contents, findings)
    forwarded = _forwarded_by_source(contents, findings)
    lowest = _lowest_kept_offsets(contents)
    for topic in EMBEDDER.consumes:
        for partition in contents.partitions(topic):
            _check_partition(partition, contents, forwarded[partition], lowest[partition], findings)


def _check_committed_offsets(contents: TopicContents, findings: Findings) -> None:
    for (service, partition), offset in contents.committed.items():
        findings.checked[Invariant.OFFSETS] += 1
        if offset > contents.ends[partition]:
            name = f"{_name(partition)}: offset {offset}, committed by the {service}"
            findings.add(Invariant.OFFSETS, f"{name}, is beyond the partition's end, {contents.ends[partition]}")


def _check_dead_letters(contents: TopicContents, findings: Findings) -> None:
    seen: dict[RecordId, str] = {}
    for letter in contents.dead_letters:
        findings.checked[Invariant.DEAD_LETTERS] += 1
        name = f"dead letter {letter.position}"
        if not letter.reason:
            findings.add(Invariant.DEAD_LETTERS, f"{name} has no reason")
        if letter.origin in seen and letter.origin.offset >= 0:
            findings.add(Invariant.DEAD_LETTERS, f"{name} is made from the same record as {seen[letter.origin]}")
        seen[letter.origin] = name
        _check_origin(letter, name, contents, findings)
    _check_replay_markers(contents, findings)


def _check_origin(letter: DeadLetter, name: str, contents: TopicContents, findings: Findings) -> None:
    partition, offset = TopicPartition(*letter.origin[:2]), letter.origin.offset
    service = next((one for one in SERVICES if one.name == letter.service), None)
    topics = set() if service is None else {contents.names[consumed] for consumed in service.consumes}
    if service is None or partition.topic not in topics or partition not in contents.ends:
        what = f"{name} names {letter.origin}, but {letter.service} does not consume this partition"
        findings.add(Invariant.DEAD_LETTERS, what)
        return
    if offset >= contents.committed_offset(service, partition):
        findings.add(Invariant.OFFSETS, f"{name} names {letter.origin}, which the {service.name} has not committed")
    if offset >= contents.starts[partition] and contents.input_digests.get(partition, {}).get(offset) != letter.digest:
        findings.add(Invariant.DEAD_LETTERS, f"{name} differs from the record it names, {letter.origin}")


def _check_replay_markers(contents: TopicContents, findings: Findings) -> None:
    positions = {tuple(letter.position) for letter in contents.dead_letters}
    for marker in contents.replay_markers:
        number, offset = marker.position.partition, marker.dead_letter_offset
        start = contents.starts[TopicPartition(contents.names[DEAD_LETTERS], number)]
        if (number, offset) not in positions and offset >= start:
            name = f"replay marker {marker.position}"
            findings.add(Invariant.DEAD_LETTERS, f"{name} names dead letter {number}/{offset}, which does not exist")


def _check_decodable(contents: TopicContents, findings: Findings) -> None:
    decodable = {RecordId(contents.names[ARTICLE_VECTORS], *record.position) for record in contents.forwarded}
    handled = decodable | contents.rejected(CLUSTERER)
    for partition in contents.partitions(ARTICLE_VECTORS):
        for offset in contents.input_digests.get(partition, {}):
            is_processed = offset < contents.committed_offset(CLUSTERER, partition)
            if is_processed and RecordId(*partition, offset) not in handled:
                findings.add(Invariant.READABLE, f"{_name(partition)}/{offset} cannot be decoded, and was not rejected")


def _forwarded_by_source(contents: TopicContents, findings: Findings) -> ForwardedBySource:
    """Return the forwarded records by source partition and offset; check that each is unique, and in order in its edition."""
    topics = {contents.names[topic] for topic in EMBEDDER.consumes}
    topic, rejected = contents.names[ARTICLE_VECTORS], contents.rejected(CLUSTERER)
    found: ForwardedBySource = defaultdict(dict)
    latest: dict[tuple[TopicPartition, str], int] = {}
    for record in contents.forwarded:
        name = f"vector {record.position}"
        origin = RecordId.parse(record.event_id)
        if origin is None or origin.topic not in topics:
            findings.add(Invariant.PASSED_ON, f"{name}: its id {record.event_id!r} names no article or command")
            continue
        partition, offset = TopicPartition(*origin[:2]), origin.offset
        earlier = found[partition].get(offset)
        if earlier is not None:
            # The clusterer may have rejected the earlier vector, and an operator replayed its dead letter.
            if RecordId(topic, *earlier.position) not in rejected:
                findings.add(Invariant.PASSED_ON, f"{name} and vector {earlier.position} are both made from {origin}")
        elif offset < latest.get((partition, record.edition), offset):
            later = latest[partition, record.edition]
            findings.add(Invariant.PASSED_ON, f"{name}, made from {origin}, follows one made from offset {later}")
        latest[partition, record.edition] = max(offset, latest.get((partition, record.edition), offset))
        found[partition][offset] = record
    return found


def _lowest_kept_offsets(contents: TopicContents) -> dict[TopicPartition, int | None]:
    """Return for each input partition the lowest offset whose vector must still exist; None if retention makes that unknowable.

    In a truncated partition of vectors, each edition's must exist from its first kept one on. The highest of these offsets
    counts: after a migration the editions may have come to different offsets.
    """
    first: dict[tuple[TopicPartition, int], int] = {}
    seen: set[tuple[TopicPartition, str]] = set()
    for record in contents.forwarded:
        origin = RecordId.parse(record.event_id)
        if origin is not None and (edition := (TopicPartition(*origin[:2]), record.edition)) not in seen:
            seen.add(edition)
            key = edition[0], record.position.partition
            first[key] = max(origin.offset, first.get(key, origin.offset))
    truncated = [number for _, number in contents.truncated_partitions(ARTICLE_VECTORS)]
    lowest: dict[TopicPartition, int | None] = {}
    for topic in EMBEDDER.consumes:
        for source in contents.partitions(topic):
            kept = [first.get((source, number)) for number in truncated]
            known = [offset for offset in kept if offset is not None]
            lowest[source] = max(known, default=0) if len(known) == len(kept) else None
    return lowest


def _check_partition(
    partition: TopicPartition,
    contents: TopicContents,
    forwarded: dict[int, ForwardedRecord],
    lowest_kept: int | None,
    findings: Findings,
) -> None:
    inputs, rejected = contents.input_digests.get(partition, {}), contents.rejected(EMBEDDER)
    committed = contents.committed_offset(EMBEDDER, partition)
    rejected_offsets = {record.offset for record in rejected if record[:2] == partition}
    for offset, record in forwarded.items():
        name, origin = f"vector {record.position}", f"{_name(partition)}/{offset}"
        if offset >= committed:
            findings.add(Invariant.OFFSETS, f"{name} is made from {origin}, which the embedder has not committed")
        if offset >= contents.starts[partition] and offset not in inputs:
            findings.add(Invariant.PASSED_ON, f"{name} is made from {origin}, which does not exist")
        if offset in rejected_offsets:
            findings.add(Invariant.PASSED_ON, f"{origin} was forwarded and rejected")
    processed = [offset for offset in inputs if offset < committed]
    findings.checked[Invariant.PASSED_ON] += len(processed)
    missing = {offset for offset in processed if offset not in forwarded and offset not in rejected_offsets}
    all_unknown = lowest_kept is None or bool(contents.truncated_partitions(DEAD_LETTERS))
    unknown = {offset for offset in missing if all_unknown or offset < (lowest_kept or 0)}
    for offset in sorted(missing - unknown):
        findings.add(Invariant.PASSED_ON, f"{_name(partition)}/{offset} was not forwarded, and is not a dead letter")
    if unknown:
        what = f"{len(unknown)} records whose vectors or dead letters retention may have deleted"
        findings.unchecked.append(f"{_name(partition)}: {what}")


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}/{partition.partition}"
