"""Small pieces of HTML that several tabs show. Everything a visitor or a model wrote is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playground.models.messages import Statistics


def trouble(sentence: str) -> str:
    """A sentence on what went wrong, read out by screen readers."""
    return f'<p class="note trouble" role="alert">{escape(sentence)}</p>'


def notes(sentences: Sequence[str]) -> str:
    """Things to know that are no trouble; nothing for none."""
    return "".join(f'<p class="note">{escape(sentence)}</p>' for sentence in sentences)


def statistics(figures: Statistics) -> str:
    """What the answer cost, in one line of small print."""
    pictures = f"{figures.image_tokens} picture tokens" if figures.image_tokens else "no picture"
    parts = [
        pictures if figures.image_tokens is not None else "picture tokens unknown",
        f"first word after {seconds(figures.seconds_to_first_token)}",
        f"{figures.new_tokens} new token{'s' * (figures.new_tokens != 1)}",
    ]
    if figures.tokens_per_second:
        parts[-1] += f", {figures.tokens_per_second:.0f} a second"
    if figures.reused_tokens:
        parts.append(f"{figures.reused_tokens:,} of {figures.prompt_tokens:,} tokens reused")
    parts += [note.rstrip(".") for note in figures.limited]
    if figures.stopped:
        parts.append("stopped")
    return " · ".join(parts)


def seconds(duration: float) -> str:
    """A duration in seconds for people: 0.3 s, 12 s, under 0.1 s."""
    if duration < 0.1:
        return "under 0.1 s"
    return f"{duration:.1f} s" if duration < 9.95 else f"{duration:.0f} s"


def small_print(text: str) -> str:
    """A line in small print."""
    return f'<p class="small-print">{escape(text)}</p>'


def percent(share: float) -> str:
    """A share from 0 to 1 for people: 41 %, 3.2 %, < 0.1 %."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"
