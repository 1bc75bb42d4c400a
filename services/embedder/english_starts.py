"""Starts of English sentences that only the sentences before them explain: pronouns, connectives, words that point."""

from __future__ import annotations

import re
from typing import Final

_PRONOUNS: Final = (
    r"he|she|it|they|we|i|you|him|her|his|hers|its|their|theirs|them|our|my|your|who|which|whose|whom|ones?|some|others?",
    r"another|both|each|either|neither|none|many|most|all|several|few|such|everyone|nobody|no one|someone|anyone",
)
_POINTING: Final = (
    r"this|that|these|those|here|now|today|tomorrow|yesterday|tonight|then|thus|earlier|later|previously|recently|currently",
    r"there(?!\s+(?:is|are|was|were|has|have|will))|ago|afterwards?|since then|until (?:then|now)|so far|at (?:the|that) time",
)
_CONNECTIVES: Final = (
    r"and|but|or|nor|so|yet|however|still|instead|also|too|meanwhile|moreover|furthermore|nevertheless|nonetheless|therefore",
    r"hence|otherwise|likewise|similarly|indeed|besides|even|rather|perhaps|maybe|again|once|firstly?|secondly?|third|finally",
    r"lastly|next|last|only|just|not|no|yes|because|although|though|while|whereas|unless|plus|worse|better|sure|clearly",
    r"obviously|unfortunately|fortunately|sadly|interestingly|additionally|conversely|consequently|accordingly|specifically",
    r"overall|ultimately|eventually|apparently|importantly|notably|unlike|asked|pressed|what's more|that's|if so|or else",
    r"for (?:example|instance|now|them|him|her|this|that|it|one|his|their)",
    r"in (?:addition|fact|contrast|turn|short|response|return|other|particular|this|that|these|those|some|all|both|his|her)",
    r"in (?:their|its)|as (?:a result|such|well|for|part of|it|he|she|they|this|that)|on the (?:other|contrary)",
    r"by (?:contrast|comparison|then|now)|at (?:this|that|one|first|last|least|issue|the same)|to (?:be sure|that|this|do)",
    r"of (?:course|those|these|that|them|all)|with (?:that|this|it|these|those)|among (?:them|those|other|the)",
    r"like (?:many|most|other|him|her)|despite (?:that|this|these|it|the)|under (?:that|this|it)|from (?:there|then|here)",
    r"(?:after|before) (?:that|this|which|these|those|his|her|their|all|it|he|she|they)",
    r"when (?:he|she|it|they|asked|pressed)|if (?:he|she|it|they|you|we|that|this)|according to (?:him|her|them|it)",
    r"during (?:his|her|their|that|this)|about (?:half|that|this|it)",
    r"more (?:than that|broadly|generally|importantly|recently|specifically)",
)
_BACK_REFERENCES: Final = (
    r"the (?:two|three|four|five|pair|duo|trio|former|latter|same|others?|rest|next|previous|following|above|second|third)",
    r"the (?:last|latest|first|moves?|decision|announcement|statement|comments?|remarks?|idea|answer|incident|footage|point)",
)
_START: Final = re.compile(
    rf"(?:{'|'.join((*_PRONOUNS, *_POINTING, *_CONNECTIVES))})(?:'\w+)?\b|(?:{'|'.join(_BACK_REFERENCES)})\b(?! of\b)",
    re.IGNORECASE,
)

_VERB: Final = (
    r"(?:says?|said|told|tells|added|wrote|was|were|is|are|has|had|have|will|would|could|can|may|might|must|should|does|did|do"
    r"|came|comes?|also|then|later|now|went|goes|made|makes|took|takes|gave|gives|began|begins|saw|found|finds|showed|shows"
    r"|sent|got|put|led|left|held|ran|set|wants?|calls?|includes?|appears?|seems?|requires?|argues?|notes?|lets?|allows?"
    r"|contains?|\w{3,}ed)"
)
_BARE_DEFINITE: Final = re.compile(
    r"The (?!president|government|administration|economy|pandemic|coronavirus|pope|world|public|police|military|internet)"
    rf"(?:[a-z][\w-]*'?s? ){{1,2}}(?:\w+ly )?{_VERB}\b"
)
"""A definite noun without a name or complement, such as "The bill would" and "The senator said"."""

_THE_TWO: Final = re.compile(
    r"\b[Tt]he (?:two|pair|duo|trio|former|latter)(?: men| women| leaders| sides| countries)?,? (?:\w+ly )?(?!of\b)[a-z]"
)
_EPITHET: Final = re.compile(
    r"The (?:[A-Z][\w.-]+ ){1,3}(?:Democrat|Republican|[a-z]*(?:senator|native|governor|lawmaker|congress(?:wo)?man))\b"
)
"""A person by something else than the name: "The New York Democrat"."""
_LABELLED_QUOTE: Final = re.compile(r"\w+ \"[A-Z]")
_QUOTE_START: Final = re.compile(
    r"\"(?:he|she|it|they|this|that|these|those|and|but|so|or|because|which|his|her|their|there|then|him|them|its)\b",
    re.IGNORECASE,
)


def starts_alone(plain: str) -> bool:
    """Return whether the start of a sentence, in straight quotation marks, needs no sentence before it."""
    first = plain[0]
    if first == '"':
        return plain[1:2].isalnum() and not _QUOTE_START.match(plain)
    if not (first.isupper() or first.isdigit() or first == "$"):
        return False
    refers = _START.match(plain) or _BARE_DEFINITE.match(plain) or _THE_TWO.search(plain) or _EPITHET.match(plain)
    return not (refers or _LABELLED_QUOTE.match(plain))
