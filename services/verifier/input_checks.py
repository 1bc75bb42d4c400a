"""From the articles to the clusterer's door: nothing passed over, nothing passed on twice, nothing rejected without a reason."""

from __future__ import annotations

from collections import defaultdict

from newsloom.contracts.pipeline import CLUSTERER, EMBEDDER, SERVICES, RecordId
from newsloom.contracts.topics import ARTICLE_VECTORS, DEAD_LETTERS
from newsloom.streaming.records import TopicPartition
from services.verifier.findings import Findings, Invariant
from services.verifier.topic_contents import Books, Letter, Passed


def check_inputs(books: Books, findings: Findings) -> None:
    """What became of every article, command and vector."""
    _check_committed(books, findings)
    _check_letters(books, findings)
    _check_readable(books, findings)
    passed = _passed_by_source(books, findings)
    floors = _floors(books)
    for topic in EMBEDDER.consumes:
        for source in books.sources(topic):
            _check_source(source, books, passed[source], floors[source], findings)


def _check_committed(books: Books, findings: Findings) -> None:
    for (_, source), offset in books.committed.items():
        findings.examined[Invariant.OFFSETS] += 1
        if offset > books.ends[source]:
            findings.broken(
                Invariant.OFFSETS,
                f"{_name(source)}: the committed offset {offset} is behind the end, {books.ends[source]}",
            )


def _check_letters(books: Books, findings: Findings) -> None:
    seen: dict[RecordId, str] = {}
    for letter in books.letters:
        findings.examined[Invariant.DEAD_LETTERS] += 1
        name = f"dead letter {letter.place}"
        if not letter.reason:
            findings.broken(Invariant.DEAD_LETTERS, f"{name} gives no reason")
        if letter.origin in seen and letter.origin.offset >= 0:
            findings.broken(Invariant.DEAD_LETTERS, f"{name} is of the same record as {seen[letter.origin]}")
        seen[letter.origin] = name
        _check_origin(letter, name, books, findings)
    _check_markers(books, findings)


def _check_origin(letter: Letter, name: str, books: Books, findings: Findings) -> None:
    topic, partition, offset = letter.origin
    source = TopicPartition(topic, partition)
    service = next((one for one in SERVICES if one.name == letter.service), None)
    if service is None or topic not in {books.names[one] for one in service.consumes} or source not in books.ends:
        findings.broken(Invariant.DEAD_LETTERS, f"{name} is of {_name(source)}, which {letter.service} does not read")
        return
    if offset >= books.committed_offset(service, source):
        findings.broken(Invariant.OFFSETS, f"{name} is of {_name(source)} {offset}, which was not taken in yet")
    if offset >= books.starts[source] and books.inputs.get(source, {}).get(offset) != letter.content:
        findings.broken(Invariant.DEAD_LETTERS, f"{name} is not what stands at {_name(source)} {offset}")


def _check_markers(books: Books, findings: Findings) -> None:
    places = {tuple(letter.place) for letter in books.letters}
    for marker in books.markers:
        start = books.starts[TopicPartition(books.names[DEAD_LETTERS], marker.place.partition)]
        if (marker.place.partition, marker.offset) not in places and marker.offset >= start:
            findings.broken(
                Invariant.DEAD_LETTERS, f"replay marker {marker.place} is of {marker.offset}, where no letter is"
            )


def _check_readable(books: Books, findings: Findings) -> None:
    topic = books.names[ARTICLE_VECTORS]
    readable, rejected = {one.place for one in books.passed}, books.rejected(CLUSTERER)
    for source in books.sources(ARTICLE_VECTORS):
        for offset in books.inputs.get(source, {}):
            taken_in = offset < books.committed_offset(CLUSTERER, source)
            if (
                taken_in
                and (source.partition, offset) not in readable
                and RecordId(topic, source.partition, offset) not in rejected
            ):
                findings.broken(Invariant.READABLE, f"{_name(source)} {offset} cannot be read, and was not rejected")


def _passed_by_source(books: Books, findings: Findings) -> dict[TopicPartition, dict[int, Passed]]:
    """What was passed on, by where it came from; each once, and in order within an edition."""
    known = {books.names[topic] for topic in EMBEDDER.consumes}
    topic, rejected = books.names[ARTICLE_VECTORS], books.rejected(CLUSTERER)
    found: defaultdict[TopicPartition, dict[int, Passed]] = defaultdict(dict)
    latest: dict[tuple[TopicPartition, str], int] = {}
    for one in books.passed:
        name = f"vector {one.place}"
        origin = RecordId.parse(one.source)
        if origin is None or origin.topic not in known:
            findings.broken(
                Invariant.PASSED_ON, f"{name} says it is of {one.source!r}, which is no article and no command"
            )
            continue
        source, offset = TopicPartition(origin[0], origin[1]), origin[2]
        before = found[source].get(offset)
        if before is not None:
            # A vector that was rejected may have been sent back, after a fix.
            if RecordId(topic, *before.place) not in rejected:
                findings.broken(Invariant.PASSED_ON, f"{name} is of {one.source}, as vector {before.place} is")
        elif offset < latest.get((source, one.edition), offset):
            findings.broken(Invariant.PASSED_ON, f"{name} is of {one.source}, and stands behind what came after it")
        latest[source, one.edition] = max(offset, latest.get((source, one.edition), offset))
        found[source][offset] = one
    return found


def _floors(books: Books) -> dict[TopicPartition, int | None]:
    """From which offset of each input on the vectors must still be there; None: of none can it be said.

    Where retention has taken the beginning of a partition of vectors, those from the first kept one of each edition on: after
    a migration editions need not be in step.
    """
    first: dict[tuple[TopicPartition, int], int] = {}
    seen: set[tuple[TopicPartition, str]] = set()
    for one in books.passed:
        origin = RecordId.parse(one.source)
        if origin is not None and (edition := (TopicPartition(origin[0], origin[1]), one.edition)) not in seen:
            seen.add(edition)
            place = edition[0], one.place.partition
            first[place] = max(origin[2], first.get(place, origin[2]))
    cut = [source.partition for source in books.sources(ARTICLE_VECTORS) if source in books.cut]
    floors: dict[TopicPartition, int | None] = {}
    for topic in EMBEDDER.consumes:
        for source in books.sources(topic):
            kept = [first.get((source, partition)) for partition in cut]
            floors[source] = None if None in kept else max((offset for offset in kept if offset is not None), default=0)
    return floors


def _check_source(
    source: TopicPartition, books: Books, passed: dict[int, Passed], floor: int | None, findings: Findings
) -> None:
    start, given = books.starts[source], books.inputs.get(source, {})
    place = books.committed_offset(EMBEDDER, source)
    rejected = {offset for topic, partition, offset in books.rejected(EMBEDDER) if (topic, partition) == tuple(source)}
    for offset, one in passed.items():
        if offset >= place:
            findings.broken(Invariant.OFFSETS, f"vector {one.place} is of {_name(source)} {offset}, not taken in yet")
        if offset >= start and offset not in given:
            findings.broken(Invariant.PASSED_ON, f"vector {one.place} is of {_name(source)} {offset}, where nothing is")
        if offset in rejected:
            findings.broken(Invariant.PASSED_ON, f"{_name(source)} {offset} was passed on, and rejected")
    taken_in = [offset for offset in given if offset < place]
    findings.examined[Invariant.PASSED_ON] += len(taken_in)
    missing = [offset for offset in taken_in if offset not in passed and offset not in rejected]
    unsaid = [offset for offset in missing if floor is None or offset < floor or books.is_cut(DEAD_LETTERS)]
    for offset in sorted(set(missing) - set(unsaid)):
        findings.broken(Invariant.PASSED_ON, f"{_name(source)} {offset} was not passed on, and is no dead letter")
    if unsaid:
        findings.unchecked.append(
            f"{_name(source)}: {len(unsaid)} records whose vectors, or dead letters, retention may have taken"
        )


def _name(source: TopicPartition) -> str:
    return f"{source.topic}/{source.partition}"
