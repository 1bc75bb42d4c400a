"""Reasons not to answer a request with 200."""

from __future__ import annotations

from http import HTTPStatus


class HttpProblem(Exception):
    """The request cannot be answered; `detail` says why, and what to do."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class MergedStory(Exception):
    """The story is now part of another one."""

    def __init__(self, successor: str) -> None:
        super().__init__(successor)
        self.successor = successor


def bad_request(detail: str) -> HttpProblem:
    """Build the problem of a request that is wrong."""
    return HttpProblem(HTTPStatus.BAD_REQUEST, detail)


def not_found(detail: str) -> HttpProblem:
    """Build the problem of a resource that does not exist."""
    return HttpProblem(HTTPStatus.NOT_FOUND, detail)


def gone(detail: str) -> HttpProblem:
    """Build the problem of a resource that existed."""
    return HttpProblem(HTTPStatus.GONE, detail)
