"""Conversations that do not recompute: the next turn continues the keys and values of the last one.

Attention in a decoder looks back only, so the keys and values of a prompt's beginning do not depend on what
follows. A conversation keeps them with the tokens they belong to; the next prompt reuses them as far as the tokens
and the pictures behind them agree, and computes the rest.

Layers that look at the newest tokens only (a sliding window, as in Gemma 3 and Mistral; chunks, as in Llama 4) would by
themselves keep no more than those, and a talk could not be taken back to where it was edited. Here they keep all, and
their mask hides what lies outside the window. Layers of linear attention (Qwen3.5) keep one running state instead of
keys and values: a talk that goes on where it ended is continued, one that was edited is computed anew.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import transformers
from packaging.version import Version
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer, LinearAttentionCacheLayerMixin

from playground.models.families.base import READS_FIRST
from playground.models.families.registry import family_of, type_of
from playground.models.generation import image_inputs as vision

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from transformers.cache_utils import CacheLayerMixin

    from playground.models.generation.image_features import ImageFeatureCache
    from playground.models.generation.image_inputs import Part

# What `generate` calls its cache: from transformers 5.24 on by a shorter name.
_CACHE = "cache" if Version(transformers.__version__).release >= (5, 24) else "past_key_values"
_STATE = (
    "Some of its layers keep a running state instead of the tokens, so a talk that was changed before its end, and one "
    "whose answer its template writes in another way, is computed anew."
)
_UNKNOWN_LAYERS = "Some of its layers keep what they read in a form that cannot be taken back to where a talk changed."


class PrefixCache:
    """What a model keeps of one conversation. Make one with `ChatModel.conversation`; it goes with the session.

    limit_mb: the most memory that is kept between turns, in megabytes (of 1,000,000 bytes). Of a longer
        conversation the beginning is kept and the rest computed anew.
    One generation at a time may use it. Turns may be edited or taken back at any time: what agrees is reused.
    """

    def __init__(self, limit_mb: int = 2048) -> None:
        self.limit = limit_mb * 1_000_000
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._owner: weakref.ref[PreTrainedModel] | None = None
        self._cache: DynamicCache | None = None
        self._tokens: list[int] = []
        self._pictures: tuple[tuple[bytes, int], ...] = ()  # the key of each part, and how many tokens it has

    def __len__(self) -> int:
        """How many tokens are kept."""
        return len(self._tokens)

    @property
    def nbytes(self) -> int:
        """The bytes of the keys and values that are kept."""
        layers = self._cache.layers if self._cache is not None else ()
        return sum(tensor.untyped_storage().nbytes() for layer in layers for tensor in _tensors(layer))

    def agreeing(self, tokens: Sequence[int], image_token: int | None, parts: Sequence[Part]) -> tuple[int, int]:
        """How many tokens of a new prompt, and how many parts of its pictures, are kept here already.

        Never ends within a part: in some models the tokens of a picture attend to each other in both directions.
        At least one token is left to compute, since the answer begins at the last one.
        """
        pairs = enumerate(zip(self._tokens, tokens[:-1], strict=False))
        agreed = next((place for place, (old, new) in pairs if old != new), min(len(self._tokens), len(tokens) - 1))
        places = [place for place, token in enumerate(tokens) if token == image_token]
        shown, same = 0, 0
        for (key, size), part in zip(self._pictures, parts, strict=False):
            if key != part.key or shown + size > len(places) or places[shown + size - 1] >= agreed:
                break
            shown, same = shown + size, same + 1
        return (min(agreed, places[shown]) if shown < len(places) else agreed), same

    def resume(self, length: int, copies: int = 1) -> DynamicCache | None:
        """The keys and values of the first tokens; None where they cannot be taken back that far.

        The others are forgotten. With more than one copy (a beam each) nothing is, and the result is apart.
        """
        surplus = len(self._tokens) - length
        if not length or (surplus and not _can_go_back(self._cache)):
            return None
        if copies > 1:
            return _repeated(self._cache, length, copies)
        if surplus:
            self._cache.crop(-surplus)  # a negative number: so many tokens less
            self._tokens = self._tokens[:length]
        return self._cache

    def keep(self, model: PreTrainedModel, beginning: Beginning, tokens: list[int]) -> None:
        """Take over what a generation left; `tokens` are prompt and answer, whose last one has no keys yet."""
        if beginning.cache is None:
            return self.clear()
        self._owner, self._cache, self._pictures = weakref.ref(model), beginning.cache, beginning.pictures
        self._tokens = tokens[: self._cache.get_seq_length()]
        if self.nbytes > self.limit:
            self.shorten(int(len(self._tokens) * self.limit / self.nbytes))

    def shorten(self, length: int) -> None:
        """Forget all but the first tokens and free the memory of the others; forget all where that cannot be."""
        if self._cache is None or not length or not _can_go_back(self._cache):
            return self.clear()
        for layer in self._cache.layers:
            layer.keys, layer.values = layer.keys[..., :length, :].clone(), layer.values[..., :length, :].clone()
        self._tokens = self._tokens[:length]

    def belongs_to(self, model: PreTrainedModel) -> bool:
        """Whether anything is kept, and by this very model."""
        return self._owner is not None and self._owner() is model

    @property
    def pictures(self) -> tuple[tuple[bytes, int], ...]:
        """The key of each part of the pictures that were read, and how many tokens it has."""
        return self._pictures


@dataclass(frozen=True, eq=False)
class Beginning:
    """How a generation begins.

    arguments: for `model.generate`. reused: how many of the prompt's tokens need not be computed. cache_miss_reason: a
    sentence that says why none; None where some are, or nothing came before. cache: what the generation fills, to
    be kept. pictures: the key of each part of the prompt's pictures, and how many tokens it has.
    """

    arguments: dict[str, Any]
    reused: int = 0
    cache_miss_reason: str | None = None
    cache: DynamicCache | None = None
    pictures: tuple[tuple[bytes, int], ...] = ()


def begin(
    model: PreTrainedModel,
    inputs: Mapping[str, torch.Tensor],
    conversation: PrefixCache | None = None,
    seen: ImageFeatureCache | None = None,
    copies: int = 1,
) -> Beginning:
    """Find what of a prompt (a batch of one) is kept already, and encode those of its pictures that are not.

    seen: the session's encoded pictures. copies: how many beams will continue the prompt; with more than one the
    conversation is read and left as it was.
    """
    if conversation is None and seen is None:  # nothing is kept, so nothing need be told apart
        family_of(model.config).forget(model)
        return Beginning(dict(inputs))
    parts = vision.parts(model, inputs)
    reason = cannot_continue(model) if conversation is not None else None
    if parts is None:
        return Beginning(dict(inputs), cache_miss_reason=reason)
    cache, reused, same = None, 0, 0
    if conversation is not None and not reason:
        if conversation.belongs_to(model):
            tokens, image_token = inputs["input_ids"][0].tolist(), getattr(model.config, "image_token_id", None)
            reused, same = conversation.agreeing(tokens, image_token, parts)
            cache = conversation.resume(reused, copies)
            if cache is None:
                reason, reused, same = _STATE if reused else None, 0, 0
        if cache is None and copies == 1:
            cache = _empty(model)
    made = vision.features(model, parts[same:], seen)
    new = ((part.key, len(features[0])) for part, features in zip(parts[same:], made, strict=True))
    earlier = conversation.pictures[:same] if same else ()
    arguments = {name: values for name, values in inputs.items() if name != "pixel_values"}
    if cache is not None:
        # A checkpoint's own settings may ask for a cache of another kind; then `generate` refuses this one.
        arguments |= {_CACHE: cache, "cache_implementation": None}
    if made:
        arguments["mm_encoder_outputs"] = vision.as_outputs(model, made)
    family_of(model.config).forget(model)
    return Beginning(arguments, reused, reason, cache, (*earlier, *new))


def cannot_continue(model: PreTrainedModel) -> str | None:
    """None where a conversation can be continued exactly, otherwise a sentence that says why not."""
    family = family_of(model.config)
    if family.cache_miss_reason is not None:
        return family.cache_miss_reason
    if getattr(model.config, "is_encoder_decoder", False):
        return READS_FIRST
    if not family.continues:
        unknown = type_of(model.config)
        return f"Whether models of the type {unknown} can continue a conversation exactly is not known here."
    known = (DynamicLayer, LinearAttentionCacheLayerMixin)
    return None if all(isinstance(layer, known) for layer in _empty(model).layers) else _UNKNOWN_LAYERS


def _empty(model: PreTrainedModel) -> DynamicCache:
    """A cache for a new talk, in which layers with a window keep all tokens: they can be taken back."""
    cache = DynamicCache(config=model.config.get_text_config(decoder=True))
    cache.layers = [DynamicLayer() if type(layer) is DynamicSlidingWindowLayer else layer for layer in cache.layers]
    return cache


def _can_go_back(cache: DynamicCache) -> bool:
    """Whether any number of the newest tokens can be taken off."""
    return all(type(layer) is DynamicLayer for layer in cache.layers)


def _tensors(layer: CacheLayerMixin) -> list[torch.Tensor]:
    """What a layer keeps: keys and values, or running states."""
    kept = [getattr(layer, "keys", None), getattr(layer, "values", None)]
    for name in ("conv_states", "recurrent_states"):
        kept += getattr(layer, name, {}).values()
    return [tensor for tensor in kept if tensor is not None]


def _repeated(cache: DynamicCache, length: int, copies: int) -> DynamicCache:
    """A cache of its own with the first tokens once for each copy: all of them where `cache` cannot go back."""
    apart = copy.copy(cache)
    apart.layers = [copy.copy(layer) for layer in cache.layers]
    for layer in apart.layers:
        if getattr(layer, "keys", None) is not None:
            layer.keys = layer.keys[..., :length, :].repeat_interleave(copies, 0)
            layer.values = layer.values[..., :length, :].repeat_interleave(copies, 0)
        for name in ("conv_states", "recurrent_states"):
            states = getattr(layer, name, {})
            repeated = {
                place: state if state is None else state.repeat_interleave(copies, 0) for place, state in states.items()
            }
            if states:
                setattr(layer, name, repeated)
    return apart
