"""Which articles each story has, by the accounts alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from newsloom.contracts.command import CommandKind
from newsloom.contracts.story import UpdateKind
from services.verifier.findings import Findings, Invariant
from services.verifier.story_replay import Account, Entry, Move


def balance(accounts: Mapping[str, Account], *, cut: bool, findings: Findings) -> None:
    """Fill in every account's `articles`, a story before those that took it in; `cut` if updates are missing by retention."""
    waiting: defaultdict[str, list[Account]] = defaultdict(list)
    entered: dict[str, int] = dict.fromkeys(accounts, 0)
    ready = list(accounts.values())
    while ready:
        account = ready.pop()
        missing = _advance(account, entered, accounts, cut=cut, findings=findings)
        if missing is None:
            account.balanced = True
            ready += waiting.pop(account.story_id, [])
        else:
            waiting[missing].append(account)
    for story_id in sorted(account.story_id for account in accounts.values() if not account.balanced):
        findings.broken(Invariant.LINEAGE, f"story {story_id} has, by way of others, taken in itself")


def _advance(
    account: Account, entered: dict[str, int], accounts: Mapping[str, Account], *, cut: bool, findings: Findings
) -> str | None:
    """Enter what can be entered; the story that has to be balanced first, if there is one."""
    while (place := entered[account.story_id]) < len(account.entries):
        entry = account.entries[place]
        if entry.move is Move.ABSORB:
            absorbed = accounts.get(entry.names[0]) if entry.names else None
            if absorbed is not None and not absorbed.balanced:
                return absorbed.story_id
            _absorb(account, entry, absorbed, cut=cut, findings=findings)
        else:
            _enter(account, entry, findings)
        findings.examined[Invariant.CHANGES] += 1
        if account.whole and len(account.articles) != entry.articles:
            findings.broken(
                Invariant.CHANGES,
                f"{account.story_id} version {entry.version} counts {entry.articles} articles; by the updates it has "
                f"{len(account.articles)}",
            )
        entered[account.story_id] = place + 1
    return None


def _enter(account: Account, entry: Entry, findings: Findings) -> None:
    name = f"{account.story_id} version {entry.version}"
    for article_id in entry.names:
        known = article_id in account.articles
        if known is (entry.move is Move.JOIN) and (known or account.whole):
            state = "in it already" if known else "not in it"
            findings.broken(Invariant.CHANGES, f"{name}: article {article_id} {entry.move.value}, and is {state}")
        if entry.move is Move.LEAVE:
            placed = account.articles.pop(article_id, False)
            if placed and entry.kind is UpdateKind.MOVED and entry.command is None:
                findings.broken(Invariant.COMMANDS, f"{name}: article {article_id} was moved, and a command had put it")
        else:
            account.articles[article_id] = account.articles.get(article_id, entry.command is not None)


def _absorb(account: Account, entry: Entry, absorbed: Account | None, *, cut: bool, findings: Findings) -> None:
    name = f"{account.story_id} version {entry.version}"
    if absorbed is None:
        account.whole = False
        if not cut:
            findings.broken(Invariant.LINEAGE, f"{name} takes in {entry.names}, of which there are no updates")
        return
    if absorbed.last.merged_into != account.story_id:
        findings.broken(Invariant.LINEAGE, f"{name} takes in {absorbed.story_id}, which does not know it")
        return
    account.whole = account.whole and absorbed.whole
    for article_id, placed in absorbed.articles.items():
        if article_id in account.articles:
            findings.broken(
                Invariant.CHANGES, f"{name}: article {article_id} comes with {absorbed.story_id}, and is here"
            )
        account.articles[article_id] = placed or entry.command is not None
    if entry.command is CommandKind.MERGE:
        # The command named both stories. That of a move names one article, the absorbed story's last.
        account.articles = dict.fromkeys(account.articles, True)
