"""A live table of the stories, with kafka-python alone.

    pip install kafka-python
    python live_table.py BROKER:9092 table.db [--once]

It may be stopped and killed at any time, and counts nothing twice: rows and offsets are in one transaction. `--once` ends it when
it has read all that is on the topics.
"""

import json
import os
import sqlite3
import sys

from kafka import KafkaConsumer, TopicPartition

PREFIX = os.environ.get("NEWSLOOM_TOPIC_PREFIX", "news.")
STORIES, UPDATES = f"{PREFIX}stories", f"{PREFIX}story-updates"
TABLES = """
    CREATE TABLE IF NOT EXISTS stories (id TEXT PRIMARY KEY, state TEXT, version INTEGER, articles INTEGER, title TEXT);
    CREATE TABLE IF NOT EXISTS changes (id TEXT PRIMARY KEY, number INTEGER);
    CREATE TABLE IF NOT EXISTS offsets (topic TEXT, number INTEGER, next INTEGER, PRIMARY KEY (topic, number));
"""


def apply(table, record):
    """Change the table by one record: a story as it is now, one that is forgotten, or one change of a story."""
    if record.topic == UPDATES:
        count = "INSERT INTO changes VALUES (?, 1) ON CONFLICT DO UPDATE SET number = number + 1"
        table.execute(count, (json.loads(record.value)["story_id"],))
    elif record.value is None:
        table.execute("DELETE FROM stories WHERE id = ?", (record.key.decode(),))
    else:
        story = json.loads(record.value)
        row = [story[field] for field in ("id", "state", "version", "article_count", "title")]
        table.execute("REPLACE INTO stories VALUES (?, ?, ?, ?, ?)", row)


def main(broker, file, once=False):
    """Follow both topics, from where the table's last transaction ended."""
    table = sqlite3.connect(file)
    table.executescript(TABLES)
    # Without read_committed it would see the records of transactions that never happened.
    consumer = KafkaConsumer(bootstrap_servers=broker, isolation_level="read_committed", enable_auto_commit=False)
    partitions = [TopicPartition(name, n) for name in (STORIES, UPDATES) for n in consumer.partitions_for_topic(name)]
    consumer.assign(partitions)
    for partition in partitions:
        found = table.execute("SELECT next FROM offsets WHERE topic = ? AND number = ?", partition).fetchone()
        consumer.seek(partition, found[0]) if found else consumer.seek_to_beginning(partition)
    ends = consumer.end_offsets(partitions)
    while not (once and all(consumer.position(partition) >= ends[partition] for partition in partitions)):
        batch = consumer.poll(timeout_ms=500)
        with table:
            for partition, records in batch.items():
                for record in records:
                    apply(table, record)
                table.execute("REPLACE INTO offsets VALUES (?, ?, ?)", (*partition, records[-1].offset + 1))
        if batch:
            open_stories, articles = table.execute(
                "SELECT COUNT(*), SUM(articles) FROM stories WHERE state = 'open'"
            ).fetchone()
            print(f"{open_stories} open stories, {articles or 0} articles")


if __name__ == "__main__":
    main(*sys.argv[1:3], once="--once" in sys.argv[3:])
