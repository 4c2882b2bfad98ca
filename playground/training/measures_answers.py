"""Questions put to a chat model in batches, and how many of its answers are right, word for word."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from tqdm.auto import tqdm

from playground.models.chat import ChatModel
from playground.models.generation import image_inputs as vision
from playground.models.generation.image_features import ImageFeatureCache
from playground.models.messages import Message
from playground.models.prompt import answer_start
from playground.moji.asking import USUAL, Asker, Typing
from playground.moji.phrasing import DETAILED_PROMPT, SHORT_PROMPT
from playground.moji.questions import QUESTION_TYPES
from playground.moji.questions import ask as draw
from playground.moji.scenes import Scene
from playground.moji.talks import FOLLOW_UP, follow_up
from playground.moji.words import Exchange, counts, short_caption
from playground.training.measures_worlds import EVALUATION, Shown
from playground.training.scoring import constant_answer_share, normalised, score_captions

BATCH = 32
WINDOW = 512  # prompts that are ready at a time: each holds its picture
TYPES = (*QUESTION_TYPES, FOLLOW_UP)
LONGEST = 96  # tokens of an answer


@dataclass(frozen=True)
class Asked:
    """A picture and a talk about it; the last exchange is the one to answer, those before it are given."""

    image: Image.Image
    talk: tuple[Exchange, ...]

    @property
    def messages(self) -> list[Message]:
        """The talk up to the last question."""
        first, *later = self.talk
        messages = [Message("user", first.question, (self.image,))]
        for before, exchange in zip(self.talk, later, strict=False):
            messages += [Message("assistant", before.answer), Message("user", exchange.question)]
        return messages


@dataclass(frozen=True)
class Reply:
    """A greedy answer and its probability as a whole: the product over its tokens, the one that ends it included."""

    text: str
    probability: float


def ask(chat: ChatModel, asked: Sequence[Asked]) -> list[Reply]:
    """The model's replies, in order. Prompts of one length go together, so that none is padded; every picture is
    encoded once, where the family can."""
    replies: list[Reply] = []
    seen = ImageFeatureCache()
    with tqdm(total=len(asked), desc=chat.name, leave=False) as bar:
        for start in range(0, len(asked), WINDOW):
            window = asked[start : start + WINDOW]
            found, by_length = {}, defaultdict(list)
            for index, item in enumerate(window):
                inputs = chat.prepare(item.messages)
                by_length[inputs["input_ids"].shape[1]].append((index, inputs))
            alike = by_length.values()
            for rows in (each[i : i + BATCH] for each in alike for i in range(0, len(each), BATCH)):
                spoken = _generate(chat, [inputs for _, inputs in rows], seen)
                found |= dict(zip([index for index, _ in rows], spoken, strict=True))
                bar.update(len(rows))
            replies += [found[index] for index in range(len(window))]
    return replies


def _generate(chat: ChatModel, prepared: Sequence[Mapping[str, torch.Tensor]], seen: ImageFeatureCache) -> list[Reply]:
    """Greedy answers to prompts of one length."""
    inputs = {name: torch.cat([each[name] for each in prepared]) for name in prepared[0]}
    parts = [vision.parts(chat.model, each) for each in prepared]
    if None not in parts:
        features = vision.features(chat.model, [part for each in parts for part in each], seen)
        inputs["mm_encoder_outputs"] = vision.as_outputs(chat.model, features)
        del inputs["pixel_values"]
    with torch.inference_mode():
        output = chat.model.generate(
            **inputs, max_new_tokens=LONGEST, do_sample=False, return_dict_in_generate=True, output_logits=True
        )
    tokens = output.sequences[:, answer_start(chat.model, inputs) :]
    likely = torch.stack(output.logits, 1).float().log_softmax(-1).gather(-1, tokens[..., None])[..., 0]
    ends = torch.as_tensor(chat.model.generation_config.eos_token_id, device=tokens.device)
    ended = torch.isin(tokens, ends).cumsum(1)
    within = (ended == 0) | ((ended == 1) & torch.isin(tokens, ends))  # what comes after the end is padding
    texts = chat.processor.batch_decode(tokens, skip_special_tokens=True)
    sure = (likely * within).sum(1).exp().tolist()
    return [Reply(text.strip(), probability) for text, probability in zip(texts, sure, strict=True)]


def questions_about(
    shown: Sequence[Shown],
    seed: int,
    typing: Typing = USUAL,
    unasked: Sequence[str] = (),
    kinds: Sequence[str] = QUESTION_TYPES,
) -> list[Asked]:
    """One talk of every kind of question that fits each scene, and one with a follow-up; not those ``unasked``."""
    asked = []
    for index, each in enumerate(shown):
        rng = np.random.default_rng((EVALUATION, seed, 7, index))
        asker = Asker(each.scene, rng, typing)
        singles = [draw(kind, asker) for kind in kinds if kind not in unasked]
        talks = [(exchange,) for exchange in singles if exchange] + [follow_up(asker)]
        asked += [Asked(each.image, talk) for talk in talks if talk]
    return asked


def is_right(asked: Asked, reply: Reply) -> bool:
    """Whether the reply is the true answer, or one as right, but for case and the mark at its end."""
    asked_last = asked.talk[-1]
    return normalised(reply.text) in map(normalised, (asked_last.answer, *asked_last.also))


def score_answers(asked: Sequence[Asked], replies: Sequence[Reply]) -> dict[str, dict]:
    """Per question type, and for "all" together: ``right`` and ``chance`` (shares), ``asked`` (how many)."""
    rights, truths = defaultdict(list), defaultdict(list)
    for item, reply in zip(asked, replies, strict=True):
        rights[item.talk[-1].type].append(is_right(item, reply))
        truths[item.talk[-1].type].append(item.talk[-1].answer)
    rows = {
        kind: {
            "right": float(np.mean(rights[kind])),
            "chance": constant_answer_share(truths[kind]),
            "asked": len(rights[kind]),
        }
        for kind in TYPES
        if kind in rights
    }
    everything = sum(rights.values(), [])
    same = sum(row["chance"] * row["asked"] for row in rows.values()) / len(everything)
    return rows | {"all": {"right": float(np.mean(everything)), "chance": same, "asked": len(everything)}}


def measure_captions(
    chat: ChatModel, shown: Sequence[Shown], seed: int = 0, typing: Typing | None = None, *, detailed: bool = False
) -> dict[str, float]:
    """Short captions by ``score_captions``, asked for with the app's prompt, or as ``typing`` types it.

    ``detailed`` adds the share of detailed captions that are right word for word, a place within 4 pixels of its border
    either way.
    """
    prompts = [Exchange("caption", SHORT_PROMPT, short_caption(each.scene)) for each in shown]
    if typing is not None:
        rngs = (np.random.default_rng((EVALUATION, seed, 9, index)) for index in range(len(shown)))
        askers = (Asker(each.scene, rng, typing) for each, rng in zip(shown, rngs, strict=True))
        prompts = [Exchange("caption", asker.phrase("caption"), short_caption(asker.scene)) for asker in askers]
    replies = ask(chat, [Asked(each.image, (prompt,)) for each, prompt in zip(shown, prompts, strict=True)])
    score = vars(score_captions([reply.text for reply in replies], [counts(each.scene) for each in shown]))
    if not detailed:
        return score
    asked = [Asked(each.image, (_detailed(each.scene),)) for each in shown]
    exact = [is_right(item, reply) for item, reply in zip(asked, ask(chat, asked), strict=True)]
    return score | {"detailed": float(np.mean(exact))}


def _detailed(scene: Scene) -> Exchange:
    """The app's question for a detailed caption, and the right ones."""
    told = draw("detail", Asker(scene, np.random.default_rng(0)))
    if told is None:
        raise ValueError("There is no detailed caption of a scene without things.")
    return Exchange("detail", DETAILED_PROMPT, told.answer, told.also)
