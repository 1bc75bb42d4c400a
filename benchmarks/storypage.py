"""How fast the story page answers with many stories, and what readers who stop reading cost.

    python -m benchmarks.storypage --stories 100000 --seconds 60

Makes a read model of invented stories, serves it in a process of its own, and asks for pages at a steady rate over connections
that stay open. Latencies count from the time at which a request was due, so a server that falls behind shows it. Then readers of
live updates are connected, some of which read nothing, while updates are published.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import uvicorn
from prometheus_client import CollectorRegistry

from benchmarks.core import describe_run
from newsloom.contracts.article import Article, Leaning
from newsloom.contracts.codec import encode
from newsloom.contracts.membership import Decision, Membership, Verdict, membership_key
from newsloom.contracts.story import ArticleRef, Cause, HistoryEntry, Story, StoryState, StoryUpdate, UpdateKind
from newsloom.settings import Settings
from newsloom.streaming.records import Record
from services.storypage.app import build_app
from services.storypage.context import Context
from services.storypage.live import LiveUpdates
from services.storypage.metrics import PageMetrics
from services.storypage.read_model.file import ModelFile
from services.storypage.read_model.model import ReadModel

SETTINGS: Final = Settings()
NOW: Final = datetime(2026, 12, 1, tzinfo=UTC)
BATCH: Final = 2_000
OUTLETS: Final = 200
WORDS: Final = 3_000
UPDATES_PER_S: Final = 5
READERS: Final = 500
STOPPED: Final = 100
CONNECTIONS: Final = 16
LIVE_S: Final = 75
SETTLE_S: Final = 20


def main() -> None:
    """Run the benchmark, or the server of one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--file", type=Path, help="keep the read model here, and use it if it exists")
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.file, options.serve)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = options.file or Path(folder) / "page.db"
        if not file.exists():
            build(file, options.stories)
        print(describe_run(), flush=True)
        asyncio.run(measure(file, options.rate, options.seconds))


# --- the read model


def build(file: Path, stories: int) -> None:
    """Make a read model of so many stories, and print how fast its rows were made."""
    began = time.monotonic()
    number = 0
    with closing(ModelFile(file).open(SETTINGS, {})) as sql:
        model = ReadModel(sql, SETTINGS)
        records = story_records(stories)
        while batch := list(itertools.islice(records, BATCH)):
            model.apply(batch)
            number += len(batch)
    seconds = time.monotonic() - began
    size = file.stat().st_size / 2**20
    print(
        f"{stories:,} stories, {number:,} records in {seconds:.0f} s: {number / seconds:,.0f}/s; {size:,.0f} MiB",
        flush=True,
    )


def story_records(stories: int) -> Iterator[Record]:
    """Yield the records of invented stories with 1 to 12 articles each, over a hundred days."""
    chance = random.Random(1)  # noqa: S311 - an invented stream
    offset = itertools.count()
    for number in range(stories):
        last = NOW - timedelta(days=100) * (1 - number / stories)
        size = min(12, 1 + int(chance.expovariate(0.5)))
        refs = [reference(f"a{number}-{index}", last - timedelta(hours=index), chance) for index in range(size)]
        for one in refs:
            body = " ".join(words(chance, 60))
            article = Article(
                id=one.id, title=one.title, text=f"{body}. {body}", outlet=one.outlet, leaning=one.leaning
            )
            yield record("articles", next(offset), one.id, encode(article))
            yield record(
                "article-stories", next(offset), membership_key("main", one.id).decode(), encode(member(one, number))
            )
        yield record("stories", next(offset), f"st-{number}", encode(story(number, refs)))
        yield record("story-updates", next(offset), f"st-{number}", encode(update(number, 1, len(refs), last)))


def words(chance: random.Random, number: int) -> list[str]:
    # A few words in most texts, most words in few.
    return [f"word{int(WORDS * chance.random() ** 3)}" for _ in range(number)]


def reference(article_id: str, at: datetime, chance: random.Random) -> ArticleRef:
    outlet = int(OUTLETS * chance.random() ** 2)
    leaning = (Leaning.LEFT, Leaning.CENTER, Leaning.RIGHT, None)[outlet % 4]
    return ArticleRef(
        id=article_id,
        title=" ".join(words(chance, 9)).capitalize(),
        published_at=at,
        outlet=f"Outlet {outlet}",
        leaning=leaning,
        url=f"https://outlet-{outlet}.example/{article_id}",
    )


def member(one: ArticleRef, number: int) -> Membership:
    return Membership(
        article_id=one.id, edition="main", story_id=f"st-{number}", sequence=0, title=one.title,
        published_at=one.published_at, digest="", words=120, shingles=b"", title_vector=b"", lead_vector=b"", terms=b"",
        term_weights=b"", decision=Decision(verdict=Verdict.FOUNDED), url=one.url, outlet=one.outlet, leaning=one.leaning,
        language="en",
    )  # fmt: skip


def story(number: int, refs: list[ArticleRef]) -> Story:
    times = sorted(one.published_at for one in refs)
    outlets = [one.outlet or "" for one in refs]
    leanings = [one.leaning.value for one in refs if one.leaning is not None]
    history = tuple(
        HistoryEntry(version=index + 1, at=at, article_count=index + 1, title=refs[0].title)
        for index, at in enumerate(times)
    )
    return Story(
        id=f"st-{number}", edition="main", state=StoryState.OPEN, title=refs[0].title, title_article_id=refs[0].id,
        version=len(refs), article_count=len(refs), report_count=len(refs), outlet_count=len(set(outlets)),
        outlets={name: outlets.count(name) for name in outlets}, leanings={side: leanings.count(side) for side in leanings},
        first_published_at=times[0], last_published_at=times[-1], updated_at=times[-1], history=history, articles=tuple(refs),
    )  # fmt: skip


def update(number: int, version: int, articles: int, at: datetime) -> StoryUpdate:
    return StoryUpdate(
        story_id=f"st-{number}", edition="main", version=version, kind=UpdateKind.UPDATED, cause=Cause.ARTICLE, at=at,
        state=StoryState.OPEN, title="A title", article_count=articles, article_count_before=articles - 1,
        report_count=articles, outlet_count=1, outlets={}, leanings={},
    )  # fmt: skip


def record(topic: str, offset: int, key: str, value: bytes) -> Record:
    return Record(SETTINGS.topic_prefix + topic, 0, offset, int(NOW.timestamp() * 1000), key.encode(), value)


# --- the server


def serve(file: Path, port: int) -> None:
    """Serve the read model; at a line on standard input, publish updates until the process ends."""
    live = LiveUpdates()
    model_file = ModelFile(file)
    registry = CollectorRegistry()
    metrics = PageMetrics(registry)
    app = build_app(Context(SETTINGS, live, model_file.reader), metrics)

    def publish() -> None:
        total = int(sys.stdin.readline())
        with closing(model_file.connect()) as sql:
            model = ReadModel(sql, SETTINGS)
            begin = max(model.positions().values())
            for number in range(total):
                value = encode(update(0, number + 2, 1, NOW))
                live.publish(model.apply([record("story-updates", begin + number, "st-0", value)]))
                readers = registry.get_sample_value("newsloom_page_live_readers")
                print(f"{readers:.0f} {resident_mib():.0f}", flush=True)
                time.sleep(1 / UPDATES_PER_S)

    async def run() -> None:
        live.attach(asyncio.get_running_loop())
        config = uvicorn.Config(app, port=port, log_config=None, access_log=False, lifespan="off", backlog=1_024)
        await uvicorn.Server(config).serve()

    threading.Thread(target=publish, daemon=True).start()
    asyncio.run(run())


def resident_mib() -> float:
    """Return the memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


# --- the readers

PathOf = Callable[[random.Random], str]

QUERIES: Final[dict[str, PathOf]] = {
    "front page": lambda _: "/",
    "latest": lambda _: "/api/stories",
    "largest, one leaning": lambda _: "/api/stories?order=large&leaning=left",
    "one outlet, paged": lambda chance: f"/stories?outlet=Outlet+{chance.randrange(OUTLETS)}",
    "outlet and leaning": lambda chance: (
        f"/api/stories?outlet=Outlet+{chance.randrange(OUTLETS)}&leaning=right&order=new"
    ),
    "search, one word": lambda chance: f"/api/stories?q=word{chance.randrange(WORDS)}",
    "search, two words": lambda chance: f"/api/stories?q=word{chance.randrange(20)}+word{chance.randrange(WORDS)}",
    "a story's page": lambda chance: f"/stories/st-{chance.randrange(1_000)}",
}


async def measure(file: Path, rate: float, seconds: float) -> None:
    """Start the server, measure each kind of request, then the live readers."""
    port = 18_080
    command = [sys.executable, "-m", "benchmarks.storypage", "--serve", str(port), "--file", str(file)]
    server = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        await wait_for(port)
        print(
            f"| requests at {rate:.0f}/s for {seconds:.0f} s | median ms | p99 ms | longest ms |\n|---|---:|---:|---:|"
        )
        for name, path_of in QUERIES.items():
            latencies = await load(port, path_of, rate, seconds)
            cuts = statistics.quantiles(latencies, n=100)
            print(f"| {name} | {cuts[49]:.1f} | {cuts[98]:.1f} | {max(latencies):.0f} |", flush=True)
        await measure_live(server, port)
    finally:
        server.kill()
        await server.wait()


async def wait_for(port: int) -> None:
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return


async def load(port: int, path_of: PathOf, rate: float, seconds: float) -> list[float]:
    """Ask at a steady rate over some connections; return the time from when each request was due, in ms."""
    chance = random.Random(2)  # noqa: S311 - which pages are asked for
    due: asyncio.Queue[tuple[float, str]] = asyncio.Queue()
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        due.put_nowait((began + number / rate, path_of(chance)))
    latencies: list[float] = []

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while not due.empty():
            at, path = due.get_nowait()
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"{path}: {head.decode()}")
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))
            latencies.append((time.perf_counter() - at) * 1000)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return latencies


async def measure_live(server: asyncio.subprocess.Process, port: int) -> None:
    """Connect readers of which some read nothing; print what became of them, and the memory of the server."""
    if server.stdin is None or server.stdout is None:
        raise TypeError("the server has no pipes")
    stopped = [await connect(port) for _ in range(STOPPED)]
    got: list[list[int]] = [[] for _ in range(READERS - STOPPED)]
    reading = [asyncio.create_task(read_live(port, versions)) for versions in got]
    await asyncio.sleep(5)
    total = UPDATES_PER_S * LIVE_S
    server.stdin.write(f"{total}\n".encode())
    rows = [tuple(map(int, (await server.stdout.readline()).split())) for _ in range(total)]
    await asyncio.sleep(SETTLE_S)
    for task in reading:
        task.cancel()
    whole = sum(versions == list(range(2, total + 2)) for versions in got)
    print(
        f"\n{READERS} live readers, {STOPPED} of them stopped, {total:,} updates at {UPDATES_PER_S}/s: {whole} of "
        f"{READERS - STOPPED} reading ones got every update once; open streams at most {max(row[0] for row in rows)}, in the "
        f"end {rows[-1][0]}; memory {rows[0][1]} MiB at first, {max(row[1] for row in rows)} MiB at most"
    )
    for _, writer in stopped:
        writer.close()


async def connect(port: int, last_id: str = "") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4_096)
    header = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
    writer.write(f"GET /api/live HTTP/1.1\r\nHost: localhost\r\n{header}\r\n".encode())
    return reader, writer


async def read_live(port: int, versions: list[int]) -> None:
    """Read the stream as a browser does: connect again where it ended."""
    last_id = ""
    while True:
        reader, writer = await connect(port, last_id)
        while line := await reader.readline():
            if line.startswith(b"id: "):
                last_id = line[4:].decode().strip()
            elif found := re.search(rb'"version":(\d+)', line):
                versions.append(int(found[1]))
            elif line.strip() == b"0":
                break
        writer.close()


if __name__ == "__main__":
    main()
