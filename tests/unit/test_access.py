"""The rights of each role: `newsloom topics acls` and docs/security.md list the same as `newsloom.access`."""

from __future__ import annotations

import shlex
from itertools import groupby
from pathlib import Path

import pytest
from click.testing import CliRunner

from newsloom.access import ROLES, Operation, Resource, Right, Role
from services.cli.__main__ import newsloom

SECURITY = Path(__file__).resolve().parents[2] / "docs/security.md"


def printed(*arguments: str, prefix: str = "news.") -> list[str]:
    """Return the lines that `newsloom topics acls` prints."""
    environ = {"NEWSLOOM_TOPIC_PREFIX": prefix, "NEWSLOOM_LOG": "kafka://nobody.invalid"}
    result = CliRunner(env=environ).invoke(newsloom, ["topics", "acls", *arguments])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def granted(command: str) -> tuple[str, list[Right]]:
    """Return the principal and the rights in a `kafka-acls.sh` command."""
    tool, *words = shlex.split(command)
    assert tool == "kafka-acls.sh"
    options = list(zip(words[:4:2], words[1:4:2], strict=True))
    assert options == [("--bootstrap-server", "$BOOTSTRAP"), ("--command-config", "$CONFIG")]
    assert words[4] == "--add"
    pairs = list(zip(words[5::2], words[6::2], strict=True))
    (principal,) = [value for name, value in pairs if name == "--allow-principal"]
    (operation,) = [Operation(value) for name, value in pairs if name == "--operation"]
    prefixed = ("--resource-pattern-type", "prefixed") in pairs
    resources = {f"--{resource.value}": resource for resource in Resource}
    return principal, [Right(operation, resources[name], value, prefixed) for name, value in pairs if name in resources]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_the_commands_of_a_role_grant_its_rights_and_no_more(role: Role) -> None:
    comment, *commands = printed(role.name, prefix="other.")
    assert comment == f"# {role.name}: {role.used_by}"
    grants = [granted(command) for command in commands]
    assert {principal for principal, _ in grants} == {f"User:newsloom-{role.name}"}
    assert [right for _, rights in grants for right in rights] == role.rights("other.")


def test_all_roles_are_printed_one_after_the_other() -> None:
    assert printed() == [line for role in ROLES for line in printed(role.name)]


def test_a_principal_can_be_chosen_for_one_role_only() -> None:
    assert {granted(line)[0] for line in printed("reader", "--principal", "User:CN=desk")[1:]} == {"User:CN=desk"}
    result = CliRunner().invoke(newsloom, ["topics", "acls", "--principal", "User:CN=desk"])
    assert (result.exit_code, "--principal is for one role" in result.output) == (2, True)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_no_right_is_listed_that_another_one_includes(role: Role) -> None:
    rights = role.rights("")
    assert len(set(rights)) == len(rights)
    brought = {(right.resource, right.name) for right in rights if right.operation in {Operation.READ, Operation.WRITE}}
    assert not [
        right for right in rights if right.operation is Operation.DESCRIBE and (right.resource, right.name) in brought
    ]


def test_the_document_lists_the_printed_rights() -> None:
    table = ["| role | used by | may | on |", "|---|---|---|---|"]
    for role in ROLES:
        head = f"**{role.name}** | {role.used_by}"
        for (operation, resource), rights in groupby(
            (right for line in printed(role.name, prefix="")[1:] for right in granted(line)[1]),
            lambda right: (right.operation, right.resource),
        ):
            names = ", ".join(f"`{right.name}{'*' if right.prefixed else ''}`" for right in rights)
            table.append(f"| {head} | {operation.value} | {resource.value} {names} |")
            head = " | "
    text = SECURITY.read_text()
    shown = text.partition("<!-- acls -->\n")[2].partition("<!-- /acls -->")[0]
    assert shown.splitlines() == table, "\n".join(table)
