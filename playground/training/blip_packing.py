"""Talks for a decoder that has the picture beside it, not before it: short rows that hold whole talks.

The picture takes no tokens, so nothing joins the talks about it. They are packed into rows of WIDTH tokens with a
block-diagonal mask (Krell et al. 2021); ROWS of them share one picture, whose keys and values are made once.
"""

from __future__ import annotations

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from playground.moji.scenes import Scene
from playground.moji.words import short_caption
from playground.training.packing import Packer, Talk

WIDTH, ROWS = 64, 4  # tokens in a row, rows behind a picture
SHIFTED = 0.15  # share of talks whose positions begin later than at 0, so that a long talk meets no new position
Packed = tuple[list[int], list[float]]  # token ids, and the weight of each as a target


class RowPacker:
    """Turns talks into token tensors, with the sentences that ``Packer`` remembers."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.packer, self.pad = Packer(tokenizer), tokenizer.pad_token_id
        self.context = tokenizer.model_max_length

    def talk(self, talk: Talk) -> Packed:
        """``<s><user>question<assistant>answer</s>``, and ``<user>…`` again for every follow-up."""
        packer = self.packer
        ids, weights = [packer.start], [0.0]
        for exchange in talk:
            question = [packer.user, *packer.ids(exchange.question), packer.assistant]
            answer = [*packer.ids(exchange.answer), packer.end]
            ids += question + answer
            # as in Packer: the weight of an answer grows with the root of its length
            weights += [0.0] * len(question) + [len(answer) ** -0.5] * len(answer)
        return ids, weights

    def caption(self, scene: Scene) -> Packed:
        """``<s>caption</s>``: what BLIP says where nothing is asked."""
        ids = [*self.packer.ids(short_caption(scene)), self.packer.end]
        return [self.packer.start, *ids], [0.0] + [len(ids) ** -0.5] * len(ids)

    def rows(self, talks: list[Packed], rng: np.random.Generator) -> list[list[Packed]]:
        """ROWS rows of talks, first fit in random order; what finds no room is left out."""
        rows: list[list[Packed]] = [[] for _ in range(ROWS)]
        free = [WIDTH] * ROWS
        for index in rng.permutation(len(talks)):
            ids, weights = talks[index][0][:WIDTH], talks[index][1][:WIDTH]
            fits = next((row for row in range(ROWS) if free[row] >= len(ids)), None)
            if fits is not None:
                rows[fits].append((ids, weights))
                free[fits] -= len(ids)
        return rows

    def pack(self, scenes: list[Scene], talks: list[list[Talk]], rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """ROWS rows for every scene, in order.

        Returns ``input_ids``, ``position_ids``, ``weights`` and ``talks`` (the number of a token's talk in its row,
        -1 for padding), each (scenes · ROWS, WIDTH).
        """
        table = np.zeros((len(scenes) * ROWS, WIDTH, 4))
        table[..., 0], table[..., 3] = self.pad, -1
        for number, (scene, about) in enumerate(zip(scenes, talks, strict=True)):
            packed = [self.caption(scene), *map(self.talk, about)]
            for row, filled in enumerate(self.rows(packed, rng), number * ROWS):
                at = 0
                for branch, (ids, weights) in enumerate(filled):
                    first = int(rng.integers(self.context - len(ids))) if rng.random() < SHIFTED else 0
                    until = at + len(ids)
                    table[row, at:until, 0], table[row, at:until, 2] = ids, weights
                    table[row, at:until, 1] = np.arange(first, first + len(ids))
                    table[row, at:until, 3] = branch
                    at = until
        whole = torch.from_numpy(table)
        return {
            "input_ids": whole[..., 0].long(),
            "position_ids": whole[..., 1].long(),
            "weights": whole[..., 2].float(),
            "talks": whole[..., 3].long(),
        }

    def captions(self, scenes: list[Scene]) -> dict[str, torch.Tensor]:
        """What BLIP's encoder reads: ``caption_ids`` (scenes, tokens) and ``caption_mask``, padded on the right."""
        rows = [self.caption(scene)[0] for scene in scenes]
        longest = max(map(len, rows))
        ids = torch.tensor([[*row, *[self.pad] * (longest - len(row))] for row in rows])
        return {"caption_ids": ids, "caption_mask": ids != self.pad}
