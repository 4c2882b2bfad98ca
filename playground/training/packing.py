"""Many talks about one picture in one sequence, each blind to the others, so that the picture is paid for once.

A caption would answer the questions after it without a look at the picture; so a 4-D mask lets every talk see the
picture and itself only, and its positions start again right behind the picture. (Sequence packing with a
block-diagonal mask, as in Krell et al. 2021, with a shared prefix.)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from playground.moji.asking import LOOSE, Asker, Typing
from playground.moji.questions import KINDS, ask
from playground.moji.scenes import Scene
from playground.moji.talks import follow_up
from playground.moji.words import Exchange
from playground.training.vlm import IMAGE_TOKENS

LENGTH_STEP = 64  # rows are padded to a multiple: every new length costs memory that CPU kernels keep
Talk = tuple[Exchange, ...]
REMEMBERED = 50_000  # sentences
TALKS = 20  # kinds of question drawn about each scene
_NAMES = tuple(KINDS)
_SHARES = np.array([kind.share for kind in KINDS.values()]) / sum(kind.share for kind in KINDS.values())


def talks_about(scene: Scene, rng: np.random.Generator, typing: Typing = LOOSE) -> list[Talk]:
    """What one training sequence says about a scene: both captions, questions of kinds drawn by their shares, a talk
    that leans on its first question, and two questions in one talk."""
    asker = Asker(scene, rng, typing)
    kinds = [_NAMES[i] for i in rng.choice(len(_NAMES), TALKS, p=_SHARES).tolist()]
    asked = [ask(kind, asker) for kind in ("caption", "detail", *kinds)]
    singles = [exchange for exchange in asked if exchange]
    talks: list[Talk] = [(exchange,) for exchange in dict.fromkeys(singles[:-2])]
    if chain := follow_up(asker):
        talks.append(chain)
    talks.append(tuple(singles[-2:]))
    return talks


class Packer:
    """Turns talks into token tensors. A class because it remembers the tokenization of every sentence it met."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        self.user, self.assistant, self.image, self.end, self.start = tokenizer.convert_tokens_to_ids(
            ["<user>", "<assistant>", "<image>", "</s>", "<s>"]
        )
        self._ids = lru_cache(maxsize=REMEMBERED)(self._encode)

    def ids(self, text: str) -> list[int]:
        """Token ids of a sentence without special tokens."""
        return self._ids(text)

    def _encode(self, text: str) -> list[int]:
        return self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids

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
