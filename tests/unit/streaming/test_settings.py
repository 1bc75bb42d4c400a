"""Settings are read from the environment, and errors name the variable."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsloom.settings import (
    COMPARABLE_MAX,
    COMPARABLE_MIN,
    GRANULARITY_MAX,
    GRANULARITY_MIN,
    RETENTION_DAYS_MAX,
    Settings,
    load_settings,
)
from newsloom.streaming.errors import ConfigurationError

NAMES = st.text("abcXYZ019._-", min_size=1, max_size=64)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
SETTINGS = st.builds(
    Settings,
    log=TEXT,
    topic_prefix=NAMES | st.just(""),
    partitions=st.integers(1, 10_000),
    state_partitions=st.integers(1, 10_000),
    instance=NAMES,
    model=TEXT,
    calibration=TEXT,
    granularity=st.floats(GRANULARITY_MIN, GRANULARITY_MAX),
    retention_days=st.integers(1, RETENTION_DAYS_MAX),
    comparable_articles=st.integers(COMPARABLE_MIN, COMPARABLE_MAX),
    dead_letter_share_max=st.floats(0, 1, exclude_min=True, allow_nan=False),
    kafka=st.dictionaries(st.text("abc_", min_size=1, max_size=9), TEXT, max_size=3),
)


@given(SETTINGS)
def test_settings_are_read_from_variables(settings: Settings) -> None:
    plain = msgspec.structs.asdict(settings)
    kafka = plain.pop("kafka")
    environ = {f"NEWSLOOM_{name.upper()}": str(value) for name, value in plain.items()}
    environ |= {f"NEWSLOOM_KAFKA_{name.upper()}": value for name, value in kafka.items()}
    assert load_settings(environ) == settings


def test_an_empty_environment_gives_the_defaults() -> None:
    assert load_settings({"PATH": "/bin", "NEWSLOOM_TEST_KAFKA": "host:9092"}) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("NEWSLOOM_PARTITIONS", "many", "a whole number, 1 or more"),
        ("NEWSLOOM_PARTITIONS", "", "a whole number, 1 or more"),
        ("NEWSLOOM_STATE_PARTITIONS", "0", "a whole number, 1 or more"),
        ("NEWSLOOM_STATE_PARTITIONS", "1.5", "a whole number, 1 or more"),
        ("NEWSLOOM_TOPIC_PREFIX", "two words", "at most 64 of the characters a-z A-Z 0-9 . _ -"),
        ("NEWSLOOM_TOPIC_PREFIX", "news.\n", "at most 64 of the characters a-z A-Z 0-9 . _ -"),
        ("NEWSLOOM_INSTANCE", "", "1 to 128 of the characters a-z A-Z 0-9 . _ -"),
        ("NEWSLOOM_GRANULARITY", "0.2", "a number from 0.25 to 4"),
        ("NEWSLOOM_GRANULARITY", "nan", "a number from 0.25 to 4"),
        ("NEWSLOOM_GRANULARITY", "fine", "a number from 0.25 to 4"),
        ("NEWSLOOM_RETENTION_DAYS", "-3", "a whole number from 1 to 36500"),
        ("NEWSLOOM_COMPARABLE_ARTICLES", "0", "a whole number from 1000 to 10000000"),
        ("NEWSLOOM_RETENTION_DAYS", "99999999999", "a whole number from 1 to 36500"),
        ("NEWSLOOM_DEAD_LETTER_SHARE_MAX", "0", "a number above 0, at most 1"),
        ("NEWSLOOM_DEAD_LETTER_SHARE_MAX", "nan", "a number above 0, at most 1"),
        ("NEWSLOOM_DEAD_LETTER_SHARE_MAX", "50%", "a number above 0, at most 1"),
    ],
)
def test_an_invalid_value_is_named_with_the_valid_ones(name: str, value: str, wanted: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(f'{name}={value!r} must be {wanted}')}$"):
        load_settings({name: value})


@pytest.mark.parametrize("name", ["NEWSLOOM_LGO", "NEWSLOOM_KAFKA", "NEWSLOOM_"])
def test_an_unknown_variable_is_named_with_the_settings(name: str) -> None:
    with pytest.raises(
        ConfigurationError, match=f"^{name} is not a setting. The settings are NEWSLOOM_LOG,.* NEWSLOOM_KAFKA_"
    ):
        load_settings({name: "x"})


def test_two_wrong_values_are_not_confused() -> None:
    with pytest.raises(ConfigurationError, match=r"^NEWSLOOM_INSTANCE='a b' must be"):
        load_settings({"NEWSLOOM_PARTITIONS": "3", "NEWSLOOM_INSTANCE": "a b"})
