"""Many talks about one picture in one sequence, each blind to the others, so that the picture is paid for once.

A caption would answer the questions after it without a look at the picture; so a 4-D mask lets every talk see the
picture and itself only, and its positions start again right behind the picture. (Sequence packing with a
block-diagonal mask, as in Krell et al. 2021, with a shared prefix.)
"""

from __future__ import annotations

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from playground.moji.scenes import Scene
from playground.moji.talks import follow_up
from playground.moji.words import Asker, Exchange
from playground.training.vlm import IMAGE_TOKENS

LENGTH_STEP = 64  # rows are padded to a multiple: every new length costs memory that CPU kernels keep
Talk = tuple[Exchange, ...]
_EACH = (
    "exists", "exists", "count", "count", "count", "total", "where", "where", "at",
    "side", "side", "relation", "relation", "bigger", "bigger",
)  # fmt: skip
_SOME = ("absent", "kind", "outside", "outside")
_SLIPS = 0.08  # share of questions with a small misspelling


def talks_about(scene: Scene, rng: np.random.Generator) -> list[Talk]:
    """What one training sequence says about a scene: captions, single questions, follow-ups and one longer talk."""
    asker = Asker(scene, rng, loose=True, slips=_SLIPS)
    rare = [_SOME[i] for i in rng.permutation(len(_SOME))[:2]]
    asked = [getattr(asker, name)() for name in (*_EACH, "colour", "says", *rare)]
    singles = [exchange for exchange in asked if exchange]
    talks: list[Talk] = [(exchange,) for exchange in singles]
    talks += [(asker.caption(first=bool(rng.random() < 0.5)),), (asker.detail(first=bool(rng.random() < 0.5)),)]
    if chain := follow_up(scene, rng, loose=True, slips=_SLIPS):
        talks.append(chain)
    again = [getattr(asker, _EACH[i])() for i in rng.integers(len(_EACH), size=3)]
    if longer := tuple(exchange for exchange in again if exchange):
        talks.append(longer)
    return talks


class Packer:
    """Turns talks into token tensors. A class because it remembers the tokenization of every sentence it met."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        self.user, self.assistant, self.image, self.end, self.start = tokenizer.convert_tokens_to_ids(
            ["<user>", "<assistant>", "<image>", "</s>", "<s>"]
        )
        self._ids: dict[str, list[int]] = {}

    def ids(self, text: str) -> list[int]:
        """Token ids of a sentence without special tokens."""
        if text not in self._ids:
            self._ids[text] = self.tokenizer(text, add_special_tokens=False).input_ids
        return self._ids[text]

    def _talk(self, talk: Talk) -> tuple[list[int], list[float]]:
        """Ids of a talk (its first ``<user>`` stands before the picture) and the weight of each as a target."""
        ids: list[int] = []
        weights: list[float] = []
        for turn, exchange in enumerate(talk):
            question = [self.user] * (turn > 0) + self.ids(exchange.question) + [self.assistant]
            answer = self.ids(exchange.answer) + [self.end]
            ids += question + answer
            # long captions would drown one-word answers: the weight of an answer grows with the root of its length
            weights += [0.0] * len(question) + [len(answer) ** -0.5] * len(answer)
        return ids, weights

    def pack(self, talks: list[list[Talk]]) -> dict[str, torch.Tensor]:
        """A batch with one row a scene.

        Returns ``input_ids``, ``position_ids``, ``weights`` (rows, tokens), padded to a multiple of LENGTH_STEP,
        and ``attention_mask`` bool (rows, 1, tokens, tokens), True where a token may look.
        """
        prefix = [self.start, self.user] + [self.image] * IMAGE_TOKENS
        rows = []
        for scene_talks in talks:
            ids, weights, branch = list(prefix), [0.0] * len(prefix), [0] * len(prefix)
            positions = list(range(len(prefix)))
            for number, talk in enumerate(scene_talks, 1):
                new_ids, new_weights = self._talk(talk)
                ids += new_ids
                weights += new_weights
                branch += [number] * len(new_ids)
                positions += range(len(prefix), len(prefix) + len(new_ids))
            rows.append((ids, positions, weights, branch))
        longest = max(len(row[0]) for row in rows)
        length = -(-longest // LENGTH_STEP) * LENGTH_STEP

        def column(index: int, fill: float, dtype: torch.dtype) -> torch.Tensor:
            padded = [[*row[index], *[fill] * (length - len(row[index]))] for row in rows]
            return torch.tensor(padded, dtype=dtype)

        branch = column(3, -1, torch.long)
        same = branch[:, :, None] == branch[:, None, :]
        causal = torch.ones(length, length, dtype=torch.bool).tril()
        return {
            "input_ids": column(0, self.tokenizer.pad_token_id, torch.long),
            "position_ids": column(1, 0, torch.long),
            "weights": column(2, 0.0, torch.float),
            "attention_mask": ((same | (branch == 0)[:, None, :]) & causal)[:, None],
        }
