"""Records made from valid fields that are then broken: the same for every topic whose key is an edition."""

from __future__ import annotations

import json
import random

from newsloom.contracts.topics import TopicDefinition
from tests.fuzz.mutation import DAMAGES, Fields, damage, with_field_missing, with_field_twice, with_odd_field
from tests.fuzz.record import Expected, FuzzRecord


class BrokenFields:
    """Part of a generator that breaks the result of `_fields`. `name` is what a record of the topic is called."""

    topic: TopicDefinition
    name: str

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def _fields(self, now_ms: int) -> Fields:
        raise NotImplementedError

    def _damaged(self, now_ms: int) -> FuzzRecord:
        name, fields = self._rng.choice(DAMAGES), self._fields(now_ms)
        return self._keyed(name, Expected.EITHER, fields, damage(self._rng, name, json.dumps(fields).encode()), now_ms)

    def _odd_field(self, now_ms: int) -> FuzzRecord:
        fields = self._fields(now_ms)
        return self._keyed("odd field", Expected.EITHER, fields, with_odd_field(self._rng, fields), now_ms)

    def _field_missing(self, now_ms: int) -> FuzzRecord:
        fields = self._fields(now_ms)
        return self._keyed("field missing", Expected.REJECTED, fields, with_field_missing(self._rng, fields), now_ms)

    def _field_twice(self, now_ms: int) -> FuzzRecord:
        fields = self._fields(now_ms)
        return self._keyed("field twice", Expected.EITHER, fields, with_field_twice(self._rng, fields), now_ms)

    def _keyed(self, kind: str, expected: Expected, fields: Fields, value: bytes, now_ms: int) -> FuzzRecord:
        key = fields["edition"].encode()
        return FuzzRecord(f"{self.name}: {kind}", self.topic, key, value, expected, timestamp_ms=now_ms)
