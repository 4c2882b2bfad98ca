"""What a model is asked for each style of caption, and how what it answers becomes one text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from playground.models.chat import ChatModel
from playground.moji.world import NUMBERS
from playground.tasks import TaskError

if TYPE_CHECKING:
    from playground.models.server.chat import AnyChatModel

Style: TypeAlias = Literal["short", "detailed", "blind"]

# The first two are the sentences that Moji was taught; other models understand them as well. The third asks for what
# people who cannot see say they need of a description: the whole first, then things and places, writing, no guesses.
PROMPTS: dict[Style, str] = {
    "short": "describe the picture.",
    "detailed": "describe the picture in detail.",
    "blind": (
        "Describe this picture for a person who cannot see it. Say first what it shows as a whole, then the important "
        "things, where they are and how many. Read out any writing. Leave out what you would have to guess."
    ),
}
NEW_TOKENS: dict[Style, int] = {"short": 64, "detailed": 256, "blind": 320}

_MOJI_NOTE = (
    "Moji was never taught to write for blind readers: this is its detailed caption, then its answers to two "
    "questions, how many things there are and which is the biggest."
)
_NO_ORDERS_NOTE = "This model takes no such instruction: it was asked for its detailed caption."


def _only(answers: Sequence[str]) -> str:
    return answers[0]


@dataclass(frozen=True)
class Wording:
    """How a model is asked for a caption.

    Attributes:
        questions: what it is asked about the picture, one after another, none leaning on another.
        new_tokens: the most tokens of each answer.
        note: what the reader of the caption should know of how it came about; "" for nothing.
        joined: makes the caption of the answers; it begins with the first one.
    """

    questions: tuple[str, ...]
    new_tokens: int
    note: str = ""
    joined: Callable[[Sequence[str]], str] = _only


def wording(model: AnyChatModel, style: Style) -> Wording:
    """How this model is asked for a caption of this style.

    Moji says "I only know my emoji world." to all that asks for a text for blind readers, so its text is put together
    from what it was taught. Models without a chat template follow no instructions; they describe in detail.

    Raises:
        TaskError: an unknown style.
    """
    if style not in PROMPTS:
        raise TaskError(f"There is no caption style {style!r}. Choose one of: {', '.join(PROMPTS)}.")
    if style == "blind" and model.entry and model.entry.embedded:
        questions = (PROMPTS["detailed"], "how many things are there?", "what is the biggest thing?")
        return Wording(questions, NEW_TOKENS["detailed"], _MOJI_NOTE, _for_a_blind_reader)
    if style == "blind" and isinstance(model, ChatModel) and not model.limits.turns:
        return Wording((PROMPTS["detailed"],), NEW_TOKENS["detailed"], _NO_ORDERS_NOTE)
    return Wording((PROMPTS[style],), NEW_TOKENS[style])


def _for_a_blind_reader(answers: Sequence[str]) -> str:
    """Moji's detailed caption, then what it counted, with a warning where the two contradict each other: who cannot
    see the picture has no other way to find out."""
    described, *counted = answers
    number, biggest = (answer.rstrip(" .").lower() for answer in counted)
    sentences = [described]
    listed = described.count(", ") + described.count(" and ") + 1
    if number in NUMBERS[1:]:
        things = f"{number} thing{'s' * (number != 'one')}"
        agree = NUMBERS.index(number) == listed
        wrong = f"asked to count, it says {things}: one of the two is wrong."
        sentences.append(f"{things} in all." if agree else wrong)
    if biggest.startswith("the ") and listed > 1:
        sentences.append(f"the biggest is {biggest}.")
    if described[:1].isupper():
        sentences = [sentence[:1].upper() + sentence[1:] for sentence in sentences]
    return " ".join(sentences)
