"""Recognize clutter: lines of the page that are not part of the article, such as prompts, links, credits and notices.

The rules are conservative. A line is clutter only if it is short and a pattern matches all of it, its start or its end.
Clutter that stays lowers similarities a little, but a sentence that is removed by mistake is lost.
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
_RELATED: Final = r"(?:related|recommended|suggested|popular|trending|similar|more)"
_CONTENT: Final = r"(?:story|stories|articles?|posts?|news|topics?|content|links?|reading|reports?|coverage)"
_IMAGE: Final = r"(?:file )?(?:photo|photograph|image|picture|video|illustration|graphic)s?"

_WHOLE_LINES: Final = (
    r"(?:continued? )?advertisements?|ad|sponsored(?: content)?|paid (?:content|post)",
    r"(?:story|article) continue[sd] (?:below|after)(?: (?:the |this )?(?:ad|advert|advertisement|video))?",
    r"continued? (?:reading|below)(?: below)?(?: (?:the |this )?(?:ad|advertisement))?",
    r"(?:\(?\d+\)? )?comments?(?: \(?\d+\)?)?|(?:leave|post|add|write|view|show|see) (?:a |all |your |the )?comments?",
    r"(?:read|see|show|load|view|find out|learn) more(?: here| below)?|read (?:also|next|this)|see also|also read",
    rf"{_RELATED}(?: {_CONTENT}| now| for you| from us)?|more (?:on|from) this (?:story|topic|author)",
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

_STARTS: Final = (
    rf"(?:please )?(?:sign up|signup|subscribe|register)\b.*\b{_MAILING}\b",
    rf"(?:get|receive)\b.*\b(?:delivered|sent|straight|directly)\b.*\b{_MAILING}\b",
    rf"(?:stay (?:informed|connected|up to date)|never miss|don't miss)\b.*\b(?:subscribe|sign up|{_MAILING})\b",
    r"(?:please )?(?:click|tap|press) (?:here|on the link|the link|below)\b",
    r"click to (?:get|read|see|watch|subscribe|download|share)\b",
    rf"(?:read|see|watch|listen|{_RELATED})(?: (?:more|also|next|now|here|below|on this|{_CONTENT}))*\s?:(?! ?[\"'])",
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
    rf"this {_CONTENT}(?: was| has been| is| also| first| originally)* (?:appeared|published|updated|republished)\b",
    r"(?:published|updated|posted|last (?:updated|modified))\s?:.{0,40}\d",
)

_ENDS: Final = (
    r"contributed (?:reporting )?(?:to|for) this (?:report|story|article|post)\.?",
    r"all rights reserved\.?",
    r"(?:/ ?|via )(?:afp|ap|reuters|epa|pool|getty(?: images)?|shutterstock)\)?",
)


def _any_of(alternatives: tuple[str, ...]) -> str:
    return "|".join(f"(?:{alternative})" for alternative in alternatives)


_WHOLE_LINE: Final = re.compile(rf"[\W_]*(?:{_any_of(_WHOLE_LINES)})[\W_]*", re.IGNORECASE)
# Not after a quotation mark: the line may be a quotation.
_START: Final = re.compile(rf"[^\w©\"']*(?:{_any_of(_STARTS)})", re.IGNORECASE)
_END: Final = re.compile(rf"(?:{_any_of(_ENDS)})$", re.IGNORECASE)
_BYLINE: Final = re.compile(r"By [A-Z][\w.'-]*(?:(?:,| and| &)? [A-Z][\w.'-]*){1,5}(?: \| .{0,40})?")

_STRAIGHT_QUOTES: Final = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})


def is_clutter(line: str) -> bool:
    """Return whether a cleaned line is clutter. Lines of more than `WORDS_MAX` words or `CHARACTERS_MAX` characters never are."""
    if not _is_short(line):
        return False
    line = line.translate(_STRAIGHT_QUOTES)
    return bool(_WHOLE_LINE.fullmatch(line) or _START.match(line) or _END.search(line) or _BYLINE.fullmatch(line))


def _is_short(line: str) -> bool:
    return len(line) <= CHARACTERS_MAX and len(line.split()) <= WORDS_MAX


_BIO: Final = re.compile(r"(?P<name>(?:[A-Z][\w.'-]+ ){1,3}[A-Z][\w.'-]+),? (?P<rest>(?:covers|writes|reports|is)\b.+)")
_ROLE: Final = re.compile(
    r"covers|writes (?:about|on|for)|reports (?:on|for|from)|is (?:an?|the|our)\b.{0,80}\b"
    r"(?:reporter|correspondent|editor|writer|columnist|journalist|contributor|producer|fellow|author)\b"
)
_CONTACT: Final = re.compile(r"@\w|\b(?:follow|reach|contact|e-?mail) (?:her|him|them)\b", re.IGNORECASE)


def is_author_bio(line: str, *, author: str | None, outlet: str | None) -> bool:
    """Return whether a line at the end of a text introduces the author.

    "Jane Doe covers energy ..." alone is not enough, because laws and programmes cover things too. The line must also name
    the article's author or outlet, or give a way to contact the author.
    """
    bio = _BIO.fullmatch(line.translate(_STRAIGHT_QUOTES)) if _is_short(line) else None
    if bio is None or not _ROLE.match(bio["rest"]):
        return False
    by_author = author is not None and bio["name"].casefold() in author.translate(_STRAIGHT_QUOTES).casefold()
    at_outlet = bool(outlet and outlet.strip()) and str(outlet).strip().casefold() in bio["rest"].casefold()
    return by_author or at_outlet or bool(_CONTACT.search(bio["rest"]))
