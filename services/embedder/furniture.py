"""Lines that belong to the page, not to the article: prompts, links, credits, notices.

Conservative: a line is furniture only if it is short and says so at its start, or nothing else. What is missed costs a little
similarity; a sentence of the article that is dropped cannot be had back.
"""

from __future__ import annotations

import re
from typing import Final

WORDS_MAX: Final = 30
CHARACTERS_MAX: Final = 300

_NETWORK: Final = (
    r"(?:twitter|x|facebook|instagram|linkedin|whatsapp|telegram|youtube|tiktok|threads|bluesky|mastodon"
    r"|google news|social media)"
)
_MAILING: Final = (
    r"(?:newsletters?|inbox|e-?mails?|briefings?|alerts?|bulletins?|updates|channel|podcast|posts|mailing list|digest"
    r"|notifications)"
)
_SIMILAR: Final = r"(?:related|recommended|suggested|popular|trending|similar|more)"
_PIECES: Final = r"(?:story|stories|articles?|posts?|news|topics?|content|links?|reading|reports?|coverage)"
_IMAGE: Final = r"(?:file )?(?:photo|photograph|image|picture|video|illustration|graphic)s?"

_ALONE: Final = (
    r"(?:continued? )?advertisements?|ad|sponsored(?: content)?|paid (?:content|post)",
    r"(?:story|article) continue[sd] (?:below|after)(?: (?:the |this )?(?:ad|advert|advertisement|video))?",
    r"continued? (?:reading|below)(?: below)?(?: (?:the |this )?(?:ad|advertisement))?",
    r"(?:\(?\d+\)? )?comments?(?: \(?\d+\)?)?|(?:leave|post|add|write|view|show|see) (?:a |all |your |the )?comments?",
    r"(?:read|see|show|load|view|find out|learn) more(?: here| below)?|read (?:also|next|this)|see also|also read",
    rf"{_SIMILAR}(?: {_PIECES}| now| for you| from us)?|more (?:on|from) this (?:story|topic|author)",
    r"you (?:may|might) also like|most (?:read|popular|viewed|shared)|editors?'?s? (?:picks?|choice)",
    r"in this (?:article|story)|top stories|follow topics?|topics|tags|(?:table of )?contents",
    r"share(?: (?:this|it|now|article|story|post))*|(?:print|e-?mail|save)(?: this)?(?: article)?",
    r"(?:copy|share) (?:the )?link|link copied|follow(?: us)?|subscribe(?: now| today)?",
    r"(?:sign (?:up|in)|log ?in|register)(?: now| today| here)?|donate(?: now)?|newsletters?(?: sign-?up)?",
    r"(?:click|tap) here|close|menu|search|loading|skip to (?:main )?(?:content|navigation)",
    r"(?:back|return) to (?:the )?(?:top|homepage|home page)|listen(?: to this article)?|watch|play video",
    rf"{_IMAGE}|gallery|slideshow(?: \(?\d+ images?\)?)?|enlarge(?: this)? image|(?:toggle|hide) caption",
    r"getty images|all rights reserved|terms of (?:use|service)|privacy policy",
    r"cookie (?:policy|settings|preferences)|accept(?: all)? cookies",
    r"(?:\d+|one|two|three|four|five) min(?:ute)?s? read|this article is more than \w+ (?:months?|years?) old",
)

_AT_START: Final = (
    rf"(?:please )?(?:sign up|signup|subscribe|register)\b.*\b{_MAILING}\b",
    rf"(?:get|receive)\b.*\b(?:delivered|sent|straight|directly)\b.*\b{_MAILING}\b",
    rf"(?:stay (?:informed|connected|up to date)|never miss|don't miss)\b.*\b(?:subscribe|sign up|{_MAILING})\b",
    r"(?:please )?(?:click|tap|press) (?:here|on the link|the link|below)\b",
    r"click to (?:get|read|see|watch|subscribe|download|share)\b",
    rf"(?:read|see|watch|listen|{_SIMILAR})(?: (?:more|also|next|now|here|below|on this|{_PIECES}))*\s?:(?! ?[\"'])",
    r"read (?:more|the full (?:story|article|report|text))(?: (?:here|on|at|about|from|in|of)\b|[.!>\W]*$)",
    rf"(?:please )?(?:follow|like|find|join|add) (?:us|our)\b.*\b{_NETWORK}\b|follow\b.{{1,60}}\bon {_NETWORK}\b",
    rf"(?:connect with us|get in touch)\b.*\b(?:{_NETWORK}|e-?mail)\b",
    rf"share (?:this|on|via)\b.*\b(?:{_NETWORK}|e-?mail|story|article|post)\b",
    r"join (?:the conversation|the discussion|our (?:community|commenting|channel|forum|newsletter))\b",
    r"(?:download|install|get) (?:the|our) (?:[\w'-]+ ){0,4}app\b",
    r"(?:send|submit|e-?mail) (?:us )?(?:your )?(?:news |story )?(?:tips?|corrections?|feedback|letters?) (?:to|at)\b",
    r"(?:we|this (?:web)?site|our (?:web)?site|our partners)\b.*\buses? cookies\b",
    r"by (?:continuing to|clicking|using (?:this|our)|signing up|subscribing|submitting)\b.*\b(?:agree|accept|consent)\b",
    r"(?:copyright|©|\(c\))\s?(?:©|\(c\))?\s?(?:\d{4}|by\b)|©",
    rf"{_IMAGE}(?: (?:credits?|copyright|source|caption))?(?: by| courtesy|\s?[:©/])|image copyright\b|credits?\s?:",
    r"(?:with )?inputs? from\b|(?:additional )?(?:reporting|editing|research) by\b",
    r"(?:compiled|edited|written) by(?: [^\s.]+){1,6}\W?$",
    rf"this {_PIECES}(?: was| has been| is| also| first| originally)* (?:appeared|published|updated|republished)\b",
    r"(?:published|updated|posted|last (?:updated|modified))\s?:.{0,40}\d",
)

_AT_END: Final = (
    r"contributed (?:reporting )?(?:to|for) this (?:report|story|article|post)\.?",
    r"all rights reserved\.?",
    r"(?:/ ?|via )(?:afp|ap|reuters|epa|pool|getty(?: images)?|shutterstock)\)?",
)


def _any_of(alternatives: tuple[str, ...]) -> str:
    return "|".join(f"(?:{alternative})" for alternative in alternatives)


_WHOLE: Final = re.compile(rf"[\W_]*(?:{_any_of(_ALONE)})[\W_]*", re.IGNORECASE)
# Not after a quotation mark: someone may be saying it.
_START: Final = re.compile(rf"[^\w©\"']*(?:{_any_of(_AT_START)})", re.IGNORECASE)
_END: Final = re.compile(rf"(?:{_any_of(_AT_END)})$", re.IGNORECASE)
_BYLINE: Final = re.compile(r"By [A-Z][\w.'-]*(?:(?:,| and| &)? [A-Z][\w.'-]*){1,5}(?: \| .{0,40})?")

_STRAIGHT: Final = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})


def is_furniture(line: str) -> bool:
    """Whether a cleaned line belongs to the page. Lines of over `WORDS_MAX` words never do."""
    if not _is_short(line):
        return False
    line = line.translate(_STRAIGHT)
    return bool(_WHOLE.fullmatch(line) or _START.match(line) or _END.search(line) or _BYLINE.fullmatch(line))


def _is_short(line: str) -> bool:
    return len(line) <= CHARACTERS_MAX and len(line.split()) <= WORDS_MAX


_BLURB: Final = re.compile(
    r"(?P<name>(?:[A-Z][\w.'-]+ ){1,3}[A-Z][\w.'-]+),? (?P<rest>(?:covers|writes|reports|is)\b.+)"
)
_ROLE: Final = re.compile(
    r"covers|writes (?:about|on|for)|reports (?:on|for|from)|is (?:an?|the|our)\b.{0,80}\b"
    r"(?:reporter|correspondent|editor|writer|columnist|journalist|contributor|producer|fellow|author)\b"
)
_CONTACT: Final = re.compile(r"@\w|\b(?:follow|reach|contact|e-?mail) (?:her|him|them)\b", re.IGNORECASE)


def is_author_blurb(line: str, *, author: str | None, outlet: str | None) -> bool:
    """Whether a line at the end of a text introduces its author.

    "Jane Doe covers energy ..." is one only with a second sign: the article's author or outlet is named in it, or a way to
    reach her. An act or a programme covers things, too.
    """
    blurb = _BLURB.fullmatch(line.translate(_STRAIGHT)) if _is_short(line) else None
    if blurb is None or not _ROLE.match(blurb["rest"]):
        return False
    by_author = author is not None and blurb["name"].casefold() in author.translate(_STRAIGHT).casefold()
    at_outlet = bool(outlet and outlet.strip()) and str(outlet).strip().casefold() in blurb["rest"].casefold()
    return by_author or at_outlet or bool(_CONTACT.search(blurb["rest"]))
