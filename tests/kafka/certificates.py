"""A certificate authority for tests, made with OpenSSL."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

_NEW_KEY: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


class Authority:
    """Signs certificates. All its files are in `directory`, which no other authority may use."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self._directory = directory
        self.certificate = directory / "authority.pem"
        self._key = directory / "authority.key"
        _openssl(
            "req",
            "-x509",
            *_NEW_KEY,
            "-noenc",
            "-keyout",
            self._key,
            "-out",
            self.certificate,
            "-subj",
            "/CN=newsloom test",
        )

    def issue(self, name: str, *, alternative_name: str = "", days: int = 30, password: str = "") -> Path:
        """Return a PEM file with a key and its certificate for `CN=name`, valid for so many days.

        `alternative_name` is the address of a server, as `IP:127.0.0.1` or `DNS:host`. With a password, the key is encrypted.
        """
        request, extensions, certificate, both = (
            self._directory / f"{name}.{kind}" for kind in ("csr", "ext", "crt", "pem")
        )
        encryption = ("-passout", f"pass:{password}") if password else ("-noenc",)
        _openssl("req", *_NEW_KEY, *encryption, "-keyout", both, "-out", request, "-subj", f"/CN={name}")
        extensions.write_text(
            f"subjectAltName={alternative_name}\n" if alternative_name else "basicConstraints=CA:FALSE\n"
        )
        signer: tuple[str | Path, ...] = ("-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial")
        _openssl(
            "x509", "-req", "-in", request, *signer, "-days", str(days), "-extfile", extensions, "-out", certificate
        )
        both.write_text(both.read_text() + certificate.read_text())
        return both


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stdout}{done.stderr}")
