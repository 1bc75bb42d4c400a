"""Records that begin as valid fields and are then broken: the same for every topic that carries an edition."""

from __future__ import annotations

import json
import random

from newsloom.contracts.topics import TopicDefinition
from tests.fuzz.mutation import DAMAGES, Fields, damaged, with_field_missing, with_field_twice, with_odd_field
from tests.fuzz.record import Fate, Sent


class BrokenFields:
    """A generator's part that breaks what `_fields` gives. `named` is the word for the topic's records."""

    topic: TopicDefinition
    named: str

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def _fields(self, now_ms: int) -> Fields:
        raise NotImplementedError

    def _damaged(self, now_ms: int) -> Sent:
        name, fields = self._chance.choice(DAMAGES), self._fields(now_ms)
        return self._keyed(name, Fate.EITHER, fields, damaged(self._chance, name, json.dumps(fields).encode()), now_ms)

    def _odd_field(self, now_ms: int) -> Sent:
        fields = self._fields(now_ms)
        return self._keyed("odd field", Fate.EITHER, fields, with_odd_field(self._chance, fields), now_ms)

    def _field_missing(self, now_ms: int) -> Sent:
        fields = self._fields(now_ms)
        return self._keyed("field missing", Fate.REJECTED, fields, with_field_missing(self._chance, fields), now_ms)

    def _field_twice(self, now_ms: int) -> Sent:
        fields = self._fields(now_ms)
        return self._keyed("field twice", Fate.EITHER, fields, with_field_twice(self._chance, fields), now_ms)

    def _keyed(self, kind: str, fate: Fate, fields: Fields, value: bytes, now_ms: int) -> Sent:
        key = fields["edition"].encode()
        return Sent(f"{self.named}: {kind}", self.topic, key, value, fate, timestamp_ms=now_ms)
