"""Why an article is in its story, in words for readers."""

from __future__ import annotations

from typing import assert_never

from newsloom.contracts.membership import Decision, MergeDecision, Verdict
from services.storypage.read_model.membership_rows import Placement


def reason_of(placement: Placement) -> str:
    """Return one to three sentences that say why the article is in its story."""
    parts = [_verdict(placement.decision)]
    if placement.boilerplate_of is not None:
        parts.append("Its text is that of another article's page, so only its title and its own words were compared.")
    if placement.merge is not None:
        parts.append(_merge(placement.merge))
    if placement.placed_by is not None and placement.merge is None:
        parts.append(f"Placed by {placement.placed_by.by}: {placement.placed_by.why}")
    return " ".join(parts)


def _verdict(decision: Decision) -> str:
    match decision.verdict:
        case Verdict.FOUNDED:
            return _founded(decision)
        case Verdict.JOINED:
            return f"It tells of the same event as the articles here{_score(decision)}.{_kept_out(decision)}"
        case Verdict.COPIED:
            return _copied(decision)
        case Verdict.KEPT:
            return "It was corrected by its outlet and still belongs here."
        case Verdict.COMMANDED:
            return "An editor put it here."
        case _:
            assert_never(decision.verdict)


def _founded(decision: Decision) -> str:
    if decision.bar is None or not decision.candidates:
        return "It was the first article of a story: there was none to compare it with."
    best = decision.candidates[0].score
    return (
        f"It was the first article of a story: the nearest other story reached {best:.2f}, "
        f"and {decision.bar:.2f} was needed.{_kept_out(decision)}"
    )


def _copied(decision: Decision) -> str:
    if decision.jaccard is None:
        return "It repeats the text of another article."
    return f"It repeats the text of another article: they share {decision.jaccard:.0%} of their phrases of three words."


def _score(decision: Decision) -> str:
    chosen = decision.candidates[decision.kept_out :][:1] or decision.candidates[:1]
    if not chosen or decision.bar is None:
        return ""
    return f": similarity {chosen[0].score:.2f}, where {decision.bar:.2f} was needed"


def _kept_out(decision: Decision) -> str:
    if not decision.kept_out:
        return ""
    stories = "another story" if decision.kept_out == 1 else f"{decision.kept_out} other stories"
    return f" Names, numbers or dates spoke against {stories}."


def _merge(merge: MergeDecision) -> str:
    if merge.command is not None:
        return f"{merge.command.by} merged its story into this one: {merge.command.why}"
    if merge.second_look is not None:
        return "It was compared again when more articles had arrived, and its story was merged into this one."
    if merge.affinity is None or merge.bar is None:
        return "Its story was merged into this one."
    return f"Its story was merged into this one: affinity {merge.affinity:.2f}, where {merge.bar:.2f} was needed."
