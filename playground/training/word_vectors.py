"""The word vectors of an earlier checkpoint for another vocabulary: by spelling, by meaning, or by the pieces."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from playground.moji.synonyms import plural_phrase, synonyms
from playground.moji.world import plural


@cache
def _nouns() -> dict[str, str]:
    """Single-word synonym → the noun it stands for, singular and plural: "aubergines" → "eggplants"."""
    pairs = [(word, noun) for noun, words in synonyms().items() for word in words if " " not in word]
    return dict(pairs) | {plural_phrase(word): plural(noun) for word, noun in pairs}


def ancestors(token: str, earlier: PreTrainedTokenizerBase) -> list[int]:
    """Numbers of the earlier tokens whose vectors a token starts from; none for a new piece of a word.

    The token itself where the earlier vocabulary had it; else, for a whole word, the noun that it is another word for,
    or what the earlier tokenizer made of it: "▁Two" starts as "▁two", "▁corner" between "▁corn" and "er".
    """
    had = earlier.get_vocab()
    if token in had:
        return [had[token]]
    if not token.startswith("▁") or len(token) < 2:
        return []
    word = token[1:]
    found = earlier(_nouns().get(word, word), add_special_tokens=False).input_ids
    return [number for number in found if number != earlier.unk_token_id]


@torch.no_grad()
def inherit_words(
    weight: torch.Tensor, earlier: torch.Tensor, had: PreTrainedTokenizerBase, has: dict[str, int]
) -> None:
    """Write into ``weight`` (tokens, hidden), in place, the mean of each token's ``ancestors`` in ``earlier``.

    ``had`` is the tokenizer of the earlier vectors and ``has`` the new vocabulary. Tokens without ancestors keep their
    fresh vectors.
    """
    for token, number in has.items():
        if numbers := ancestors(token, had):
            weight[number] = earlier[numbers].mean(0)


def carry_words(model: PreTrainedModel, folder: str, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """``model`` as it was loaded from ``folder``, its words those of ``tokenizer``: the same where they always were.

    A recipe that goes on from a checkpoint with another vocabulary would read its words as others.
    """
    had, has = AutoTokenizer.from_pretrained(folder), tokenizer.get_vocab()
    if had.get_vocab() == has:
        return model
    sizes = {part.num_embeddings for part in model.modules() if isinstance(part, nn.Embedding)}
    if len(had) not in sizes:
        raise ValueError(f"The vocabulary of {folder} has {len(had):,} tokens, and its model has none of that size.")
    earlier = model.get_input_embeddings().weight.detach().clone()
    model.resize_token_embeddings(len(has), mean_resizing=False)  # which leaves the old rows where they were
    weight = model.get_input_embeddings().weight
    with torch.no_grad():
        weight.normal_(std=0.02).add_(earlier.mean(0))
    inherit_words(weight, earlier, had, has)
    return model
