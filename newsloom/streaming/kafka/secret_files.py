"""Secrets in files: `NEWSLOOM_KAFKA_SASL_PLAIN_PASSWORD_FILE` and the like, as Kubernetes and Docker mount them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from newsloom.streaming.errors import ConfigurationError

SECRETS: Final = ("sasl_plain_password", "ssl_password")
_SUFFIX: Final = "_file"
SECRET_FILES: Final = tuple(f"{name}{_SUFFIX}" for name in SECRETS)
_PREFIX: Final = "NEWSLOOM_KAFKA_"


def check_secret_files(config: dict[str, Any]) -> None:
    """Raise `ConfigurationError` if a secret is given both as text and as a file."""
    for name in SECRETS:
        if name in config and name + _SUFFIX in config:
            variable = f"{_PREFIX}{name.upper()}"
            raise ConfigurationError(f"{variable} and {variable}_FILE are both set: remove one of them")


def read_secrets(config: dict[str, Any]) -> dict[str, str]:
    """Return the secrets for which `config` names a file. A line break at the end of a file is not part of its secret.

    Raises:
        ConfigurationError: a file cannot be read or is empty. The message never contains a secret.

    """
    return {file.removesuffix(_SUFFIX): _read(file, config[file]) for file in SECRET_FILES if file in config}


def _read(name: str, path: str) -> str:
    setting = f"{_PREFIX}{name.upper()}={path!r}"
    try:
        secret = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigurationError(f"{setting} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{setting} is not UTF-8 text") from None
    if not secret:
        raise ConfigurationError(f"{setting} is empty")
    return secret
