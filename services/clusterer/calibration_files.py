"""Calibration files: those shipped with newsloom, and those an operator makes."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from services.clusterer.core.calibration import Calibration
from services.clusterer.core.fixed_point import SCALE, Vector, decode_int16, encode_int16


class CalibrationFile(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of a calibration. The means are int16, little-endian, scaled by 2**14, in base64.

    `articles` is the number of articles it was measured on.
    """

    model: str
    title_mean: bytes
    lead_mean: bytes
    articles: int


def load_calibration(settings: Settings) -> Calibration | None:
    """Load the calibration of the model: the operator's file if set, else the one shipped with newsloom; None without one.

    Raises:
        ConfigurationError: the file cannot be read, or is for another model.

    """
    data = _read(settings)
    if data is None:
        return None
    try:
        stored = msgspec.json.decode(data, type=CalibrationFile)
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f"NEWSLOOM_CALIBRATION={settings.calibration!r} is not a calibration file: {error}"
        ) from error
    if stored.model != settings.model:
        raise ConfigurationError(
            f"NEWSLOOM_CALIBRATION={settings.calibration!r} was made for {stored.model!r}, NEWSLOOM_MODEL is {settings.model!r}"
        )
    try:
        title, lead = decode_int16(stored.title_mean), decode_int16(stored.lead_mean)
    except ValueError as error:
        raise ConfigurationError(
            f"NEWSLOOM_CALIBRATION={settings.calibration!r} is not a calibration file: the means need two bytes per dimension"
        ) from error
    if title.size != lead.size or not lead.size:
        raise ConfigurationError(
            f"NEWSLOOM_CALIBRATION={settings.calibration!r}: the means have {title.size} and {lead.size} dimensions"
        )
    return Calibration(stored.model, title, lead)


def measure_calibration(model: str, titles: npt.NDArray[np.float32], leads: npt.NDArray[np.float32]) -> Calibration:
    """Measure the calibration on unit vectors of titles and leads, shape (articles, dimension)."""
    return Calibration(model, _mean(titles), _mean(leads))


def _mean(vectors: npt.NDArray[np.float32]) -> Vector:
    mean: Vector = np.rint(vectors.mean(axis=0, dtype=np.float64) * SCALE).astype(np.int16)
    return mean


def encode_calibration(calibration: Calibration, *, articles: int) -> bytes:
    """Encode a calibration as the content of a file."""
    stored = CalibrationFile(
        model=calibration.model,
        title_mean=encode_int16(np.asarray(calibration.title_mean)),
        lead_mean=encode_int16(np.asarray(calibration.lead_mean)),
        articles=articles,
    )
    return msgspec.json.format(msgspec.json.encode(stored), indent=2) + b"\n"


def _read(settings: Settings) -> bytes | None:
    if settings.calibration:
        try:
            return Path(settings.calibration).read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"NEWSLOOM_CALIBRATION={settings.calibration!r} cannot be read: {error.strerror}"
            ) from error
    shipped = files("services.clusterer").joinpath("calibration", f"{settings.model}.json")
    # A model named by a path or by a hub's `owner/name` is not shipped.
    return shipped.read_bytes() if "/" not in settings.model and shipped.is_file() else None
