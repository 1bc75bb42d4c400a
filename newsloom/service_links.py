"""Recognize the variables that Kubernetes sets for each Service of a namespace (`enableServiceLinks`).

A Service named `newsloom-metrics` sets NEWSLOOM_METRICS_SERVICE_HOST, NEWSLOOM_METRICS_PORT=tcp://10.0.0.1:9464 and more in every
pod. They look like settings of newsloom and are none.
https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_HOST: Final = "_SERVICE_HOST"
_OF_A_SERVICE: Final = re.compile(
    r"_SERVICE_(?:HOST|PORT(?:_\w+)?)|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?"
)
_URL: Final = re.compile(r"(?:tcp|udp|sctp)://")


def without_service_links(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that do not belong to a Service.

    A Service is known by its `..._SERVICE_HOST`; without it, a variable with a similar name is kept. `..._PORT` belongs to a
    Service only if its value is a URL: the pod's own value of a setting with that name replaces the one of Kubernetes.
    """
    services = [name.removesuffix(_HOST) for name in environ if name.endswith(_HOST)]
    return {
        name: value
        for name, value in environ.items()
        if not any(_belongs_to(service, name, value) for service in services if name.startswith(service))
    }


def _belongs_to(service: str, name: str, value: str) -> bool:
    rest = name.removeprefix(service)
    return bool(_OF_A_SERVICE.fullmatch(rest)) or (rest == "_PORT" and bool(_URL.match(value)))
