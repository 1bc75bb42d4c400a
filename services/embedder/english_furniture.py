"""English sentences that are about the page or its outlet, not about the news."""

from __future__ import annotations

import re
from typing import Final

_SELF: Final = (
    r"(?:requests?|messages?|e-?mails?|calls?|inquir(?:y|ies)|questions?) (?:seeking|for|requesting) (?:\w+ )?comment",
    r"(?:asked|contacted|reached(?: out)?|approached)\b.{0,60}\bfor (?:a |further )?comment|reached out to",
    r"immediately (?:respond|reply|return|comment)|not respond|declined (?:to comment|an interview)",
    r"(?:this|our) (?:article|story|report|newspaper|site|website|page|newsletter|column|post|podcast|episode)\b",
    r"as (?:we|i) (?:reported|wrote)|editor'?s'? note|originally (?:appeared|published)|been updated|correction:",
    r"contributed (?:to|reporting)|associated press (?:writers?|reporters?)",
    r"click|\btap\b|scroll|sign up|subscribe|log in|newsletter|advertis(?:e|ement)\b|cookies|all rights reserved|read more",
    r"\bcommission\b.{0,40}\b(?:links?|purchases?)\b|affiliate links?|independent of the journalists",
    r"see also|getty images|follow (?:him|her|us|them) on|on twitter (?:at|@)",
)
_ABOUT_ITSELF: Final = re.compile("|".join(_SELF), re.IGNORECASE)

_LABELS: Final = (
    r"photo|image|video|watch|listen|read|related|update[ds]?|caption|file|source|credit|opinion|analysis|live|play|share|more",
    r"breaking|exclusive|fact check|note|by [A-Z]\w+ [A-Z]",
)
_PAGE: Final = (
    # "SMITH: I did not ..." in a transcript
    r"^[A-Z][\w.' -]{1,40}:\s|^(?:hide|toggle|enlarge) (?:caption|image)",
    # a line of links of The Hill; a site's search
    r"(?-i:\bMORE\b)|view all|search results",
    r"https?:|www\.|\b[\w-]+\.(?:com|org|net|co\.uk|gov)\b|pic\.twitter|(?<!\w)[@#]\w|[|\u2022\u25ba\u00bb\u00a9]",
    rf"^\W*(?:{'|'.join(_LABELS)})\w*\s*[:|]|\((?:photo|image|ap|reuters|file|pictured|getty)[^)]*\)|\bpictured\b",
)
_FURNITURE: Final = re.compile("|".join(_PAGE), re.IGNORECASE)


def is_furniture(plain: str, outside: str, outlet: str | None) -> bool:
    """Return whether a sentence belongs to the page. `outside` is the sentence without what it quotes."""
    return bool(_FURNITURE.search(plain) or _ABOUT_ITSELF.search(outside)) or _names_outlet(outside, outlet)


def _names_outlet(outside: str, outlet: str | None) -> bool:
    """Return whether somebody told the outlet something, or the outlet is the subject."""
    name = re.sub(r"\s*[(-].*", "", outlet or "").strip()
    if not name:
        return False
    name = re.escape(name)
    return bool(re.search(rf"\b(?:told|tells|by|to|with) (?:the )?{name}\b|^(?:the )?{name}\b", outside, re.IGNORECASE))
