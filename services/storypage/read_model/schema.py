"""The tables of the read model.

`stories`, `updates`, `memberships` and `articles` have one row for the latest record of each key of their topic.
`story_facets`, `story_text` and a story's counts by side follow from them (`derived_rows.py`), and `facet_counts` from
`story_facets`. So the order in which the topics are read does not matter.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = 3
"""Increase it with each change of the tables: a file of another version is deleted and made again."""

TABLES: Final = """
CREATE TABLE source (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE positions (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, PRIMARY KEY (topic, partition)
) WITHOUT ROWID;

CREATE TABLE stories (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    edition TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    title TEXT NOT NULL,
    title_article_id TEXT NOT NULL,
    merged_into TEXT,
    article_count INTEGER NOT NULL,
    report_count INTEGER NOT NULL,
    outlet_count INTEGER NOT NULL,
    "left" INTEGER NOT NULL DEFAULT 0,
    center INTEGER NOT NULL DEFAULT 0,
    "right" INTEGER NOT NULL DEFAULT 0,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    value BLOB NOT NULL
);
CREATE UNIQUE INDEX stories_by_offset ON stories (partition, offset);

CREATE TABLE updates (
    story_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    arrived_ms INTEGER NOT NULL,
    title TEXT NOT NULL,
    merged_into TEXT,
    noted_ms INTEGER NOT NULL,
    noted_count INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (story_id, version)
);
CREATE UNIQUE INDEX updates_by_offset ON updates (partition, offset);
CREATE INDEX updates_by_arrival ON updates (arrived_ms);

CREATE TABLE memberships (
    edition TEXT NOT NULL,
    article_id TEXT NOT NULL,
    story_id TEXT NOT NULL,
    title TEXT NOT NULL,
    outlet TEXT,
    leaning TEXT,
    language TEXT,
    url TEXT,
    published_ms INTEGER NOT NULL,
    copy_of TEXT,
    placement BLOB NOT NULL,
    PRIMARY KEY (edition, article_id)
);
CREATE INDEX memberships_by_story ON memberships (story_id, published_ms, article_id);

CREATE TABLE articles (
    edition TEXT NOT NULL,
    id TEXT NOT NULL,
    arrived_ms INTEGER NOT NULL,
    author TEXT,
    dek TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (edition, id)
);
CREATE INDEX articles_by_arrival ON articles (arrived_ms);

CREATE TABLE story_facets (
    facet TEXT NOT NULL,
    value TEXT NOT NULL,
    number INTEGER NOT NULL,
    id TEXT NOT NULL,
    last_ms INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    article_count INTEGER NOT NULL,
    PRIMARY KEY (number, facet, value)
) WITHOUT ROWID;
CREATE INDEX facets_by_recency ON story_facets (facet, value, last_ms, id);
CREATE INDEX facets_by_beginning ON story_facets (facet, value, first_ms, id);
CREATE INDEX facets_by_size ON story_facets (facet, value, article_count, id, last_ms);

CREATE TABLE facet_counts (
    facet TEXT NOT NULL, value TEXT NOT NULL, stories INTEGER NOT NULL, PRIMARY KEY (facet, value)
) WITHOUT ROWID;
CREATE INDEX facet_counts_by_size ON facet_counts (facet, stories DESC, value);
CREATE TRIGGER count_facet AFTER INSERT ON story_facets BEGIN
    INSERT INTO facet_counts VALUES (new.facet, new.value, 1) ON CONFLICT DO UPDATE SET stories = stories + 1;
END;
CREATE TRIGGER discount_facet AFTER DELETE ON story_facets BEGIN
    UPDATE facet_counts SET stories = stories - 1 WHERE facet = old.facet AND value = old.value;
    DELETE FROM facet_counts WHERE facet = old.facet AND value = old.value AND stories = 0;
END;

CREATE VIRTUAL TABLE story_text USING fts5 (title, articles, tokenize = 'unicode61 remove_diacritics 2');
"""
