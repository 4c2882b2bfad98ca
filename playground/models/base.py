"""What the parts of the wrapper may ask of a chat model on this machine, without knowing the class that has it.

`playground.models.chat.ChatModel` is one. A protocol, so that no part has to import the class that imports it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import threading

    import torch
    from transformers import BatchFeature, PreTrainedModel, ProcessorMixin

    from playground.models.messages import Message


class LocalChat(Protocol):
    """A loaded chat model.

    Attributes:
        name: as it was asked for.
        model: the official class with its weights.
        processor: turns pictures and text into the model's inputs.
        unlimited: the processor without the limit on picture tokens; None where there is no limit.
        pace: how many times as long as reckoned the last answers took.
    """

    name: str
    model: PreTrainedModel
    processor: ProcessorMixin
    unlimited: ProcessorMixin | None
    pace: float
    lock: threading.Lock

    _prepared: Any  # a `playground.models.preparation.Prepared`, or None

    @property
    def device(self) -> torch.device:
        """Where the model's inputs go."""
        ...

    @property
    def context_length(self) -> int | None:
        """How many tokens prompt and answer may have together; None where the model sets no limit."""
        ...

    def prepare(self, messages: Sequence[Message]) -> BatchFeature:
        """A conversation as the model's inputs."""
        ...

    @property
    def stopping(self) -> dict[str, Any]:
        """What `generate` takes to end an answer at the checkpoint's own texts."""
        ...

    def room(self, inputs: BatchFeature, wanted: int) -> int:
        """How many tokens the answer may have: what was wanted, or what the context has left."""
        ...

    def text_of(self, token: int) -> str:
        """The text of one token, remembered: the same few tokens are likely again and again."""
        ...
