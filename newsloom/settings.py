"""Settings from environment variables, `NEWSLOOM_...`, checked once at the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, get_args

import msgspec

from newsloom.service_links import without_service_links
from newsloom.streaming.errors import ConfigurationError

PREFIX: Final = "NEWSLOOM_"
KAFKA_PREFIX: Final = "NEWSLOOM_KAFKA_"
TEST_PREFIX: Final = "NEWSLOOM_TEST_"
"""Variables of the tests, which are not settings."""

Backend = Literal["auto", "torch", "torch-bf16", "onnx", "onnx-int8", "openvino", "openvino-bf16", "cuda"]
Positive = Annotated[int, msgspec.Meta(ge=1)]
# \Z: in Python, $ also matches before a line feed at the end.
TopicPrefix = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9._-]{0,64}\Z")]
Instance = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9._-]{1,128}\Z")]
RETENTION_DAYS_MAX: Final = 36_500
"""A century: far more than anyone needs, and far less than would overflow a date."""

COMPARABLE_MIN: Final = 1_000
COMPARABLE_MAX: Final = 10_000_000
"""A limit beyond any machine's memory: about 15 KB for each article."""

GRANULARITY_MIN: Final = 0.25
GRANULARITY_MAX: Final = 4.0
"""Beyond these limits, nearly every article would be a story of its own, or whole subjects one story."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a process. Each field is read from the variable `NEWSLOOM_` plus its name in capitals."""

    log: str = "sqlite:///newsloom.db"
    """URL of the log: sqlite:///file.db, sqlite:// (in memory), kafka://host:9092[,host:9092]."""

    topic_prefix: TopicPrefix = "news."
    """Prefix of every topic, group and transactional id, so that several installations can share a log."""

    partitions: Positive = 1
    """Number of partitions with which `articles`, `story-commands`, `story-updates` and `dead-letters` are created."""

    state_partitions: Positive = 1
    """Partitions of `article-vectors`, `stories` and `article-stories`: the maximum number of clusterers. Fixed once created."""

    instance: Instance = "0"
    """Name of this process in its consumer group; it must stay the same over restarts (a pod's name)."""

    model: str = "all-MiniLM-L6-v2"
    """The sentence-transformers model: the default, or anything that SentenceTransformer loads. The same for both services."""

    backend: Backend = "auto"
    """What runs the model; `auto`: torch, or the fastest backend of this machine that `newsloom model export` has prepared."""

    model_cache: str = ""
    """Folder of the exported models. Empty: `newsloom/models` in the user's cache folder."""

    calibration: str = ""
    """File with the model's calibration, as written by `newsloom calibrate`. That of the default model is included."""

    granularity: Annotated[float, msgspec.Meta(ge=GRANULARITY_MIN, le=GRANULARITY_MAX)] = 1.0
    """How narrow stories are: above 1 narrower (a story per day), below 1 broader (a saga). The evaluation uses 1."""

    retention_days: Annotated[int, msgspec.Meta(ge=1, le=RETENTION_DAYS_MAX)] = 365
    """Days for which a closed story and its articles stay known, from the arrival of its last change."""

    comparable_articles: Annotated[int, msgspec.Meta(ge=COMPARABLE_MIN, le=COMPARABLE_MAX)] = 20_000
    """A late article can join a closed story whose latest article is among this number of latest articles of its edition."""

    editions_max: Positive = 20_000
    """An article of a further edition becomes a dead letter, in each partition of the clusterers' state."""

    dead_letter_share_max: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    """A service stops if more than this share of its last 1,000 records (at least 100) became dead letters."""

    metrics_address: str = "0.0.0.0"  # noqa: S104 - Prometheus and the kubelet connect from outside the container
    """Address of this machine at which the metrics and probes are served; 127.0.0.1 is for this machine alone."""

    metrics_port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    """TCP port on which a service serves `/metrics`, `/healthz` and `/readyz`; 0: none."""

    page_address: str = "127.0.0.1"
    """Address of this machine at which the story page is served; 0.0.0.0: all of them."""

    page_port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 8080
    """TCP port of the story page."""

    page_file: str = "storypage.db"
    """File with the story page's copy of the topics. It is made again if it is missing."""

    page_url: str = ""
    """Address of the story page for its readers, in feeds: https://news.example.org. Empty: as in the request."""

    page_ratings: str = ""
    """JSON file with the leanings of outlets, for articles without one, and who rated them."""

    kafka: dict[str, str] = {}
    """Client settings of kafka-python, each from `NEWSLOOM_KAFKA_` plus its name in capitals."""

    def __repr__(self) -> str:
        """Omit the values of `kafka`: one may be a password, and a repr may be logged."""
        fields = msgspec.structs.asdict(self) | {"kafka": sorted(self.kafka)}
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in fields.items())})"


_EXPECTED: Final = {
    "topic_prefix": "at most 64 of the characters a-z A-Z 0-9 . _ -",
    "partitions": "a whole number, 1 or more",
    "state_partitions": "a whole number, 1 or more",
    "instance": "1 to 128 of the characters a-z A-Z 0-9 . _ -",
    "backend": f"one of {', '.join(get_args(Backend))}",
    "granularity": f"a number from {GRANULARITY_MIN:g} to {GRANULARITY_MAX:g}",
    "retention_days": f"a whole number from 1 to {RETENTION_DAYS_MAX}",
    "comparable_articles": f"a whole number from {COMPARABLE_MIN} to {COMPARABLE_MAX}",
    "editions_max": "a whole number, 1 or more",
    "metrics_port": "a port number from 1 to 65535, or 0 for none",
    "page_port": "a port number from 1 to 65535",
    "dead_letter_share_max": "a number above 0, at most 1",
}
"""Description of the valid values, for every setting that does not accept all text."""


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from `environ`, without the variables that Kubernetes sets for the Services of a namespace.

    Raises:
        ConfigurationError: a variable is unknown or its value is invalid; the message names it.

    """
    environ = without_service_links(environ)
    kafka = {_field(name, KAFKA_PREFIX): value for name, value in environ.items() if name.startswith(KAFKA_PREFIX)}
    plain = {
        _field(name, PREFIX): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and not name.startswith((KAFKA_PREFIX, TEST_PREFIX))
    }
    unknown = sorted(set(plain) - set(Settings.__struct_fields__) | ({"kafka"} & set(plain)))
    if unknown:
        known = ", ".join(PREFIX + field.upper() for field in Settings.__struct_fields__ if field != "kafka")
        raise ConfigurationError(
            f"{PREFIX}{unknown[0].upper()} is not a setting. The settings are {known}, {KAFKA_PREFIX}*"
        )
    try:
        return msgspec.convert({**plain, "kafka": kafka}, Settings, strict=False)
    except msgspec.ValidationError as error:
        field = str(error).partition(" - at `$.")[2].rstrip("`")
        raise ConfigurationError(f"{PREFIX}{field.upper()}={plain[field]!r} must be {_EXPECTED[field]}") from error


def _field(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower()
