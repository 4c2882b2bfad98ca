"""The checks of chat models: what they say is what bare transformers says, alone, in a batch, and turn after turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.doctor.pictures import HIGH, SMALL, WIDE, drawn
from playground.models.families.registry import family_of
from playground.models.messages import Message

if TYPE_CHECKING:
    from playground.models.chat import ChatModel
    from playground.models.messages import GeneratedToken

QUESTION = "What is shown in this picture?"
_TOKENS = 8


def checks(model: ChatModel) -> dict[str, Callable[[], tuple[bool | None, str]]]:
    """Every check by its name, in the words of docs/families.md where it is a verb of a family."""
    return {
        "prompt as its chat template writes it": lambda: _prompt(model),
        "answer, streamed": lambda: _answer(model),
        "tokens as bare transformers": lambda: _bare(model),
        "the picture matters": lambda: _picture(model),
        "likely answers": lambda: _candidates(model),
        "how likely given answers are": lambda: _given(model),
        "several pictures": lambda: _several(model),
        "several turns, continued = anew": lambda: _turns(model),
        "system prompt": lambda: _system(model),
        "many at once = one at a time": lambda: _batch(model),
        "image tokens on the picture": lambda: _layout(model),
        "attention = eager attention": lambda: _attention(model),
        "memory": lambda: _memory(model),
    }


def _ask(model: ChatModel, size: tuple[int, int] = WIDE, seed: int = 0) -> list[Message]:
    return [Message("user", QUESTION, (drawn(size, seed),))]


def _tolerance(model: ChatModel) -> float:
    """How far two probabilities may lie apart that were computed in another order."""
    return 1e-3 if model.model.dtype.itemsize >= 4 else 3e-2


def _alike(model: ChatModel, one: Sequence[GeneratedToken], other: Sequence[GeneratedToken]) -> tuple[bool, str]:
    """Whether two answers are the same, or part where two tokens are as likely as each other."""
    for place, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine.token_id == theirs.token_id:
            continue
        gap = mine.probability - max((chance for _, chance in mine.runners_up), default=0.0)
        tie = gap < _tolerance(model)
        return tie, f"they part at token {place + 1}" + (", where two are as likely" if tie else "")
    far = max((abs(a.probability - b.probability) for a, b in zip(one, other, strict=False)), default=0.0)
    return far < _tolerance(model), f"probabilities differ by {far:.0e} at most"


def _prompt(model: ChatModel) -> tuple[bool | None, str]:
    from playground.models.prompt import chat_template

    if chat_template(model.processor) is None:
        return None, "it has no chat template, and is asked as its family was taught"
    if reason := family_of(model.model.config).own_marks:
        return None, reason
    ours = model.prepare(_ask(model))
    content = [{"type": "image", "image": drawn(WIDE)}, {"type": "text", "text": QUESTION}]
    theirs = model.processor.apply_chat_template(
        [{"role": "user", "content": content}],
        chat_template=None if getattr(model.processor, "chat_template", None) else chat_template(model.processor),
        **dict(add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"),
    )
    other = [
        name
        for name in {*ours, *theirs}
        if name not in ours
        or name not in theirs
        or ours[name].shape != theirs[name].shape
        or not bool((ours[name].cpu() == theirs[name].to(ours[name].dtype)).all())
    ]
    return not other, f"{', '.join(sorted(other))} differ" if other else f"{ours['input_ids'].shape[1]} tokens"


def _answer(model: ChatModel) -> tuple[bool | None, str]:
    whole = model.generate(_ask(model), max_new_tokens=_TOKENS)
    pieces = list(model.stream(_ask(model), max_new_tokens=_TOKENS))
    same = [piece.token_id for piece in pieces] == [piece.token_id for piece in whole.pieces]
    return same and bool(pieces), f"“{whole.text.strip()[:60]}”"


def _bare(model: ChatModel) -> tuple[bool | None, str]:
    import torch

    from playground.models.prompt import answer_start

    inputs = model.prepare(_ask(model))
    with torch.inference_mode():
        whole = model.model.generate(**inputs, max_new_tokens=_TOKENS, do_sample=False, num_beams=1)[0].tolist()
    theirs = whole[answer_start(model.model, inputs) :]
    ours = [piece.token_id for piece in model.generate(_ask(model), max_new_tokens=_TOKENS).pieces]
    count = min(len(ours), len(theirs))
    return ours[:count] == theirs[:count] and count > 0, f"{count} tokens compared"


def _picture(model: ChatModel) -> tuple[bool | None, str]:
    one, other = (model.generate(_ask(model, seed=seed), max_new_tokens=_TOKENS).pieces for seed in (0, 3))
    apart = [(each.token_id, each.probability) for each in one] != [(each.token_id, each.probability) for each in other]
    return apart, "" if apart else "two pictures gave the very same probabilities: the picture does not reach the words"


def _candidates(model: ChatModel) -> tuple[bool | None, str]:
    found = model.candidates(_ask(model), count=3, max_new_tokens=_TOKENS)
    return len(found) > 0, ", ".join(f"“{each.text[:20]}” {each.probability:.0%}" for each in found[:2])


def _given(model: ChatModel) -> tuple[bool | None, str]:
    found = model.likelihoods(_ask(model), ["yes", "no"])
    return all(np.isfinite(each.log_probability) for each in found), "yes, no: " + ", ".join(
        f"{each.log_probability:.1f}" for each in found
    )


def _several(model: ChatModel) -> tuple[bool | None, str]:
    if model.limits.images[1] is not None:
        return None, f"it looks at {model.limits.images[1]} picture at a time"
    two = [Message("user", QUESTION, (drawn(WIDE), drawn(HIGH, 1)))]
    return bool(model.generate(two, max_new_tokens=_TOKENS).pieces), ""


def _turns(model: ChatModel) -> tuple[bool | None, str]:
    if not model.limits.turns:
        return None, "it reads one message, without earlier turns"
    kept, talk = model.conversation(), _ask(model)
    first = model.generate(talk, max_new_tokens=_TOKENS, conversation=kept)
    shown = (drawn(SMALL, 2),) if model.limits.images[1] is None else ()
    talk = [*talk, Message("assistant", first.text or "It is a picture."), Message("user", "And what else?", shown)]
    warm = model.generate(talk, max_new_tokens=_TOKENS, conversation=kept)
    cold = model.generate(talk, max_new_tokens=_TOKENS)
    same, told = _alike(model, warm.pieces, cold.pieces)
    figures = warm.statistics
    reused = (
        figures.cache_miss_reason
        or f"{figures.reused_tokens} of {figures.prompt_tokens} tokens were not computed again"
    )
    return same, f"{reused}; {told}"


def _system(model: ChatModel) -> tuple[bool | None, str]:
    if not model.limits.system:
        return None, "its chat template has no place for one"
    return bool(model.generate([Message("system", "Answer in one word."), *_ask(model)], max_new_tokens=2).pieces), ""


def _batch(model: ChatModel) -> tuple[bool | None, str]:
    talks = [_ask(model, size, seed) for seed, size in enumerate((WIDE, HIGH, SMALL, WIDE))]
    alone = [model.generate(talk, max_new_tokens=_TOKENS) for talk in talks]
    found = model.generate_batch([model.prepare(talk) for talk in talks], max_new_tokens=_TOKENS)
    other = [
        place
        for place, (one, text) in enumerate(zip(alone, found, strict=True))
        if one.text.strip() != text.strip() and not _hangs(model, one.pieces)
    ]
    return not other, f"{len(talks)} pictures of three shapes" + (f"; {len(other)} answers differ" if other else "")


def _hangs(model: ChatModel, pieces: Sequence[GeneratedToken]) -> bool:
    """Whether some token of an answer was hardly likelier than another: then rounding decides."""
    gaps = (piece.probability - max((chance for _, chance in piece.runners_up), default=0.0) for piece in pieces)
    return any(gap < _tolerance(model) for gap in gaps)


def _layout(model: ChatModel) -> tuple[bool | None, str]:
    from playground.models.layout.positions import image_layouts, image_positions, unknown_layout

    if reason := unknown_layout(model.model):
        return None, reason
    counts = []
    for size in (WIDE, HIGH, SMALL):
        picture = drawn(size)
        inputs = model.prepare([Message("user", QUESTION, (picture,))])
        layouts = image_layouts(model.model, model.processor, inputs, [picture])
        counts.append(f"{len(image_positions(model.model, inputs))} in {len(layouts)}")
    return True, f"tokens in views: {'; '.join(counts)}"


def _attention(model: ChatModel) -> tuple[bool | None, str]:
    if model.attention_reason:
        return None, model.attention_reason
    from playground.interpret.methods import METHODS
    from playground.interpret.metrics.sanity import given
    from playground.interpret.trace import trace

    found = trace(model, _ask(model, SMALL), max_new_tokens=4)
    if short := METHODS["rollout"].too_large(model, found):
        return None, short
    far = float(np.abs(np.asarray(found.attention[:]) - np.asarray(given(model, found).attention)).max())
    shape = "{2} heads in {1} layers".format(*found.attention.shape)
    return far < 2 * _tolerance(model), f"{shape}, shares differ by {far:.0e} at most"


def _memory(model: ChatModel) -> tuple[bool | None, str]:
    from playground.models.memory import available, weights

    spent: Any = model.generate(_ask(model), max_new_tokens=_TOKENS).statistics
    free = available(model.device)
    told = f"{weights(model.model) / 1e6:,.0f} MB of weights in {str(model.model.dtype).removeprefix('torch.')}"
    told += f", {(spent.peak_memory or 0) / 1e6:,.0f} MB more for an answer of {spent.prompt_tokens} tokens"
    return True, told + (f"; {free / 1e9:.1f} GB are free" if free is not None else "")
