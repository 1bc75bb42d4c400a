"""Settings from the environment: every `NEWSLOOM_...` variable, checked once at the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from newsloom.streaming.errors import ConfigurationError

PREFIX: Final = "NEWSLOOM_"
KAFKA_PREFIX: Final = "NEWSLOOM_KAFKA_"
TEST_PREFIX: Final = "NEWSLOOM_TEST_"

Positive = Annotated[int, msgspec.Meta(ge=1)]
# \Z: Python's $ would let a line feed pass at the end.
TopicPrefix = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9._-]{0,64}\Z")]
Instance = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9._-]{1,128}\Z")]
RETENTION_DAYS_MAX: Final = 36_500
"""A century: far above any use, far below what a date can be moved by."""

GRANULARITY_MIN: Final = 0.25
GRANULARITY_MAX: Final = 4.0
"""Beyond these nearly every article is a story of its own, or whole subjects are one."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator can set. Each field is read from `NEWSLOOM_` and its name in capitals."""

    log: str = "sqlite:///newsloom.db"
    """Where the topics live: sqlite:///file.db, sqlite:// (in memory), kafka://host:9092[,host:9092]."""

    topic_prefix: TopicPrefix = "news."
    """Stands before every topic, group and transactional id, so that installations can share a log."""

    partitions: Positive = 1
    """Partitions of `articles`, `story-commands`, `story-updates` and `dead-letters` when they are created."""

    state_partitions: Positive = 1
    """Partitions of `article-vectors`, `stories` and `article-stories`: the number of engines. Fixed once created."""

    instance: Instance = "0"
    """Who this process is in its group; the same after a restart (a pod's name)."""

    model: str = "all-MiniLM-L6-v2"
    """The sentence-transformers model: the default's name, or anything SentenceTransformer loads. Both services need it."""

    calibration: str = ""
    """File with the model's calibration, as `newsloom calibrate` writes it. The default model's is shipped."""

    granularity: Annotated[float, msgspec.Meta(ge=GRANULARITY_MIN, le=GRANULARITY_MAX)] = 1.0
    """How fine stories are told apart: above 1 finer (a story a day), below 1 broader (a saga). 1 is as it was measured."""

    retention_days: Annotated[int, msgspec.Meta(ge=1, le=RETENTION_DAYS_MAX)] = 365
    """Days of event time for which a closed story, and its articles, stay known."""

    dead_letter_share_max: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    """A service stops when more than this share of its last 1,000 records (at least 100) were dead letters."""

    metrics_port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    """TCP port on which a service answers `/metrics`, `/healthz` and `/readyz`; 0: on none."""

    kafka: dict[str, str] = {}
    """kafka-python client settings, from `NEWSLOOM_KAFKA_` and the setting's name in capitals."""

    def __repr__(self) -> str:
        """Without the values of `kafka`: one of them is a password, and a repr finds its way into logs."""
        shown = msgspec.structs.asdict(self) | {"kafka": sorted(self.kafka)}
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


_EXPECTED: Final = {
    "topic_prefix": "at most 64 of the characters a-z A-Z 0-9 . _ -",
    "partitions": "a whole number, 1 or more",
    "state_partitions": "a whole number, 1 or more",
    "instance": "1 to 128 of the characters a-z A-Z 0-9 . _ -",
    "granularity": f"a number from {GRANULARITY_MIN:g} to {GRANULARITY_MAX:g}",
    "retention_days": f"a whole number from 1 to {RETENTION_DAYS_MAX}",
    "metrics_port": "a port number from 1 to 65535, or 0 for none",
    "dead_letter_share_max": "a number above 0, at most 1",
}
"""What fits, of every setting that not all text fits."""


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`.

    Raises:
        ConfigurationError: an unknown variable or a value that does not fit; the message names it.

    """
    kafka = {_field(name, KAFKA_PREFIX): value for name, value in environ.items() if name.startswith(KAFKA_PREFIX)}
    plain = {
        _field(name, PREFIX): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and not name.startswith((KAFKA_PREFIX, TEST_PREFIX))
    }
    unknown = sorted(set(plain) - set(Settings.__struct_fields__) | ({"kafka"} & set(plain)))
    if unknown:
        known = ", ".join(PREFIX + field.upper() for field in Settings.__struct_fields__ if field != "kafka")
        raise ConfigurationError(f"{PREFIX}{unknown[0].upper()} is not a setting; there are {known}, {KAFKA_PREFIX}*")
    try:
        return msgspec.convert({**plain, "kafka": kafka}, Settings, strict=False)
    except msgspec.ValidationError as error:
        field = str(error).partition(" - at `$.")[2].rstrip("`")
        raise ConfigurationError(f"{PREFIX}{field.upper()}={plain[field]!r} must be {_EXPECTED[field]}") from error


def _field(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower()
