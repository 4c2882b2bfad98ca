"""The generation settings that a checkpoint brings: an allowed set is used, the rest is left aside and told.

Answers here continue each other's keys and values, are compared by likelihood, are drawn from several beams and are
stopped at any moment. Each of these rests on how `generate` is called, so what a `generation_config.json` may decide is
listed here. What it may not decide is mostly the reader's to choose (length, sampling), changes what a call returns,
or makes an answer depend on how its prompt was computed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = "generation_config.json"
_LONGEST_VALUE = 40  # characters of a value that is told


@dataclass(frozen=True)
class GenerationSettings:
    """What is used of a checkpoint's own settings, and what is said of the rest.

    used: for `transformers.GenerationConfig`. stop_strings: texts that end an answer; they need the tokenizer.
    notes: sentences on what was left aside.
    """

    used: Mapping[str, Any] = field(default_factory=dict)
    stop_strings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_settings(folder: Path) -> GenerationSettings | None:
    """What the folder's own file says; None where there is none that can be read."""
    try:
        told = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return allowed(told) if isinstance(told, dict) else None


def allowed(told: Mapping[str, Any]) -> GenerationSettings:
    """Sort settings, as `generation_config.json` names them, into those that are used and those that are told."""
    used, wrong, aside, chosen = {}, [], [], []
    for name, value in told.items():
        if name in _OF_THE_FILE or name.startswith("_") or _says_nothing(name, value):
            continue
        if name not in _READ:
            (chosen if name in _CHOSEN_HERE else aside).append(_shown(name, value))
            continue
        try:
            used[name] = _READ[name](value)
        except (TypeError, ValueError):
            wrong.append(_shown(name, value))
    stops = used.pop("stop_strings", ())
    notes = []
    if aside:
        notes.append(f"Left aside of its {FILE}: {', '.join(aside)}.")
    if wrong:
        notes.append(f"Not usable in its {FILE}: {', '.join(wrong)}.")
    if chosen and told.get("do_sample"):
        notes.append(f"Sampling is chosen here, not by its {FILE} ({', '.join(chosen)}).")
    return GenerationSettings({**used, "use_cache": True}, stops, tuple(notes))


def _token(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("no token")
    return value


def _tokens(value: Any) -> list[int]:
    return [_token(each) for each in value]


def _token_or_tokens(value: Any) -> int | list[int]:
    return _tokens(value) if isinstance(value, list) and value else _token(value)


def _words(value: Any) -> list[list[int]]:
    words = [_tokens(word) for word in value]
    if not all(words):
        raise ValueError("a word of no token")
    return words


def _count(value: Any) -> int:
    return _token(int(value) if isinstance(value, float) and value.is_integer() else value)


def _penalty(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ValueError("no penalty")
    return float(value)


def _texts(value: Any) -> tuple[str, ...]:
    texts = (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(text, str) and text for text in texts):
        raise ValueError("no text")
    return texts


def _numbers(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no table")
    return dict(value)


# What is used, and how it is read. Each either holds for every way of computing an answer, or is taken back by name
# where it would not (`playground.models.likelihood`).
_READ: dict[str, Callable[[Any], Any]] = {
    "bos_token_id": _token,
    "pad_token_id": _token,
    "eos_token_id": _token_or_tokens,
    "decoder_start_token_id": _token_or_tokens,
    "forced_bos_token_id": _token,
    "forced_eos_token_id": _token_or_tokens,
    "suppress_tokens": _tokens,
    "begin_suppress_tokens": _tokens,
    "bad_words_ids": _words,
    "repetition_penalty": _penalty,
    "no_repeat_ngram_size": _count,
    "stop_strings": _texts,
    "generation_kwargs": _numbers,  # Janus: which tokens begin a picture
}
_OF_THE_FILE = ("transformers_version", "do_sample", "max_length", "max_new_tokens")
_CHOSEN_HERE = ("temperature", "top_k", "top_p", "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff")

# Files of earlier versions spell out every default.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "use_cache": (True,),
    "cache_implementation": ("dynamic", "hybrid", "static"),  # the same answers; a dynamic one can be continued
    "pad_token_id": (-1,),
    "min_length": (0,),
    "num_beams": (1,),
    "num_return_sequences": (1,),
    "num_beam_groups": (1,),
    "length_penalty": (1,),
    "diversity_penalty": (0,),
    "encoder_repetition_penalty": (1,),
    "encoder_no_repeat_ngram_size": (0,),
    "guidance_scale": (1,),
    "temperature": (1,),
    "top_k": (50, 0),
    "top_p": (1,),
    "typical_p": (1,),
    "epsilon_cutoff": (0,),
    "eta_cutoff": (0,),
    "num_assistant_tokens": (5, 20),
    "num_assistant_tokens_schedule": ("heuristic", "constant"),
    "assistant_confidence_threshold": (0.4,),
    "max_matching_ngram_size": (2,),
    "assistant_lookbehind": (10,),
    "target_lookbehind": (10,),
    "assistant_ensemble_weight": (0.5,),
    "speculation_type": ("dynamic",),
    "suppress_tokens": ([],),
    "begin_suppress_tokens": ([],),
    "bad_words_ids": ([],),
    "stop_strings": ([], ""),
}


def _says_nothing(name: str, value: Any) -> bool:
    unset = value is None or (value is False and name != "use_cache")
    return unset or any(value == neutral for neutral in _NEUTRAL.get(name, ()))


def _shown(name: str, value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return f"{name} {text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + '…'}"
