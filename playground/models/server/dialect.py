"""Which settings of a request a server takes: learnt from its refusals, and remembered."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from playground.models.server.errors import ServerError
from playground.models.server.protocol import RUNNERS_UP

# Not every server knows these; one that refuses them is asked again without.
_EXTRAS = {"logprobs": True, "top_logprobs": RUNNERS_UP + 1}
_USAGE = {"stream_options": {"include_usage": True}}
_OPTIONAL = {
    "logprobs": ("logprobs", "top_logprobs"),
    "stream_options": ("stream_options",),
    "include_usage": ("stream_options",),
    "temperature": ("temperature",),
    "top_p": ("top_p",),
}
"""What a refusal may name → what is left out then."""


@dataclass
class Dialect:
    """What a server has refused so far: "max_tokens" is then called `max_completion_tokens`, all else is left out."""

    refused: set[str] = field(default_factory=set)

    def spoken(self, body: dict[str, Any]) -> dict[str, Any]:
        """A request in the server's words: with probabilities and counts asked for, and without what it refused."""
        whole = body | _EXTRAS | (_USAGE if body.get("stream") else {})
        left_out = {name for refused in self.refused for name in _OPTIONAL.get(refused, ())}
        kept = {name: value for name, value in whole.items() if name not in left_out}
        if "max_tokens" in self.refused:
            kept["max_completion_tokens"] = kept.pop("max_tokens")
        return kept

    def learn(self, error: ServerError, sent: dict[str, Any]) -> bool:
        """Whether a refusal names something that can be left out or said otherwise, so that asking again may help."""
        if error.status not in (400, 422, 501):
            return False
        found = [
            name for name, left_out in _OPTIONAL.items() if name in error.words and any(x in sent for x in left_out)
        ]
        if not found and "max_tokens" in sent and re.search(r"max_(completion_)?tokens", error.words):
            found = ["max_tokens"]
        self.refused.update(found[:1])
        return bool(found)
