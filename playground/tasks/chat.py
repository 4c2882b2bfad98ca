"""Talk about pictures, turn after turn."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from playground.models.messages import Message, PromptTooLong, asked, spoken
from playground.tasks import QUESTION_LIMIT, TaskError, checked_question, whole_text
from playground.tasks.caption import PROMPTS

if TYPE_CHECKING:
    import threading

    from playground.imaging.opening import Source
    from playground.models.generation.image_features import ImageFeatureCache
    from playground.models.generation.prefix_cache import PrefixCache
    from playground.models.messages import Answer, GeneratedToken
    from playground.models.server.chat import AnyChatModel

WORDLESS = PROMPTS["short"]
"""What is asked where somebody sends a picture without a word."""
PICTURES = 16
"""How many pictures a message may have."""


class Turn(Protocol):
    """One turn of a conversation, a dataclass: a `Message`, or what stands for it with pictures not yet opened."""

    @property
    def images(self) -> tuple[Any, ...]: ...


AnyTurn = TypeVar("AnyTurn", bound=Turn)


@dataclass(frozen=True)
class Reply:
    """What a turn gave.

    Attributes:
        answer: the model's answer with its pieces and statistics.
        messages: the conversation as the model read it, with the answer at its end.
        notes: what was left out of it, one sentence each; often empty.
    """

    answer: Answer
    messages: tuple[Message, ...]
    notes: tuple[str, ...]


def checked_message(text: str | None, pictures: int) -> str:
    """The text of a message with this many pictures; a picture without a word asks for its description.

    Raises:
        TaskError: neither text nor picture, more than `PICTURES`, or a text beyond `QUESTION_LIMIT`.
    """
    if pictures > PICTURES:
        raise TaskError(f"A message may have up to {PICTURES} pictures; this one has {pictures}. Take some out.")
    if not (text or "").strip():
        if pictures:
            return WORDLESS
        raise TaskError("The message is empty. Type a question, or add a picture.")
    return checked_question(text)


def chat(
    model: AnyChatModel,
    history: Sequence[Message],
    text: str,
    images: Sequence[Source] = (),
    *,
    system: str = "",
    max_new_tokens: int = 256,
    temperature: float = 0.0,
    stop: threading.Event | None = None,
    conversation: PrefixCache | None = None,
    seen: ImageFeatureCache | None = None,
) -> Generator[GeneratedToken, None, Reply]:
    """Send one more message and stream the answer; the generator returns the `Reply`.

    What the model cannot read is left out (`readable`), and a conversation beyond the model's context length loses
    its oldest turns (their pictures stay); `notes` say so.

    Args:
        history: the turns before, from the user's first message to the assistant's last answer.
        text: the new message; blank with a picture means "describe the picture."
        images: pictures that come with it, whatever they come as.
        system: a system prompt, rules for the whole talk; left out, with a note, where the model reads none.
        max_new_tokens, temperature, stop: as in `ChatModel.stream`.
        conversation: what the model kept of the turns before (`model.conversation()`): only what is new is computed.
        seen: the session's encoded pictures; those that are among them are not encoded again.

    Raises:
        TaskError: an empty or over-long message, or no picture at all for an embedded model.
        PromptTooLong: this message alone is too long for the model.
        EmptyAnswer: the model said nothing; the message says why.
    """
    [message] = asked(checked_message(text, len(images)), *images)
    messages = (*history, message)
    if model.entry and model.entry.embedded and not any(turn.images for turn in messages):
        raise TaskError("Moji only talks about pictures. Add one to your message.")
    messages, notes = readable(messages, model)
    rules, unread = system_turn(system, model)
    notes = (*notes, *unread)
    while True:
        try:
            answer = spoken(
                (
                    yield from model.stream(
                        (*rules, *messages),
                        max_new_tokens=max_new_tokens,
                        temperature=temperature,
                        stop=stop,
                        conversation=conversation,
                        seen=seen,
                    )
                )
            )
            break
        except PromptTooLong:
            if len(messages) < 3:
                raise
            messages = _without_oldest_exchange(messages)
            notes = (*notes, "The conversation is long: its oldest turns were left out.")
    return Reply(answer, (*rules, *messages, Message("assistant", answer.text)), tuple(dict.fromkeys(notes)))


def system_turn(system: str | None, model: AnyChatModel) -> tuple[tuple[Message, ...], tuple[str, ...]]:
    """The system prompt as a conversation's first turn, none for a blank one, and notes on why it was left out.

    Raises:
        TaskError: more than `QUESTION_LIMIT` characters.
    """
    if not (system or "").strip():
        return (), ()
    if reason := system_reason(model):
        return (), (f"The system prompt was left out. {reason}",)
    if len(system) > QUESTION_LIMIT:
        raise TaskError(
            f"The system prompt has {len(system):,} characters; up to {QUESTION_LIMIT:,} are read. Shorten it."
        )
    return (Message("system", whole_text(system, "The system prompt").strip()),), ()


def system_reason(model: AnyChatModel) -> str | None:
    """Why this model reads no system prompt, a sentence; None where it reads them, or where that is not known."""
    limits = getattr(model, "limits", None)  # of a server's model none are known
    if limits is None or limits.system:
        return None
    if not limits.turns:
        return "This model reads one message at a time and no rules beside it."
    return "This model's chat template leaves system prompts out."


def readable(turns: tuple[AnyTurn, ...], model: AnyChatModel) -> tuple[tuple[AnyTurn, ...], tuple[str, ...]]:
    """What of a conversation this model can read, and notes on what was left out.

    A model without a chat template reads one message: the last one, with the newest pictures.
    """
    limits = getattr(model, "limits", None)  # of a server's model none are known
    most = [model.entry.images if model.entry else None, limits.images[1] if limits else None]
    turns, notes = newest_pictures(turns, min((number for number in most if number is not None), default=None))
    if limits is None or limits.turns or len(turns) == 1:
        return turns, notes
    shown = next((turn.images for turn in reversed(turns) if turn.images), ())
    alone = replace(turns[-1], images=shown)
    return (alone,), (*notes, "This model reads one message at a time: what was said before was left out.")


def newest_pictures(messages: tuple[AnyTurn, ...], limit: int | None) -> tuple[tuple[AnyTurn, ...], tuple[str, ...]]:
    """The messages with at most `limit` pictures, and notes on what was dropped.

    Turns before the oldest kept picture go with the older pictures: talk about pictures that the model no
    longer sees would only mislead it.
    """
    if limit is None or sum(len(message.images) for message in messages) <= limit:
        return messages, ()
    kept: list[AnyTurn] = []
    room = limit
    for message in reversed(messages):
        images = message.images[-room:] if room else ()
        room -= len(images)
        kept.insert(0, replace(message, images=images))
        if room == 0 and images:
            break
    several = "one picture" if limit == 1 else f"{limit} pictures"
    newest = "the newest" if limit == 1 else f"the {limit} newest"
    return tuple(kept), (f"This model reads {several} at a time: it sees {newest}, and the talk since then.",)


def _without_oldest_exchange(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Drop the first question and its answer; the question's pictures move to the next question."""
    question, _, following, *rest = messages
    return (replace(following, images=(*question.images, *following.images)), *rest)
