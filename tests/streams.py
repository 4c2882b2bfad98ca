"""Streams in the formats of vLLM, llama.cpp, SGLang and others, as they stand in their documentation and sources."""

from __future__ import annotations

import json
import math


def _events(*chunks: object, done: bool = True, space: str = " ") -> str:
    lines = [f"data:{space}{json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks]
    return "".join(lines) + f"data:{space}[DONE]\n\n" * done


def _chunk(delta: dict, logprobs: list | None = None, finish: str | None = None, **more: object) -> dict:
    told = None if logprobs is None else {"content": logprobs}
    choice = {"index": 0, "delta": delta, "logprobs": told, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "seer", "choices": [choice], **more}


def _token(text: str, logprob: float, **others: float) -> dict:
    """A token as its log-probability is told; the likeliest tokens include itself."""
    top = [{"token": word, "logprob": value, "bytes": list(word.encode())} for word, value in others.items()]
    return {
        "token": text,
        "logprob": logprob,
        "bytes": list(text.encode()),
        "top_logprobs": [{"token": text, "logprob": logprob, "bytes": list(text.encode())}, *top],
    }


_ROLE = _chunk({"role": "assistant", "content": ""})
_CACHED = {"prompt_tokens_details": {"cached_tokens": 4}}
_USAGE = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}

FORMATS: dict[str, tuple[str, str, list[float | None], int]] = {}
"""Name → (stream, text of the answer, probability of each piece, new tokens)."""

# A role alone, a token a chunk with its rivals, a character of two tokens, the end mark's own, a chunk of usage.
FORMATS["vllm"] = (
    _events(
        _ROLE,
        _chunk({"content": "two"}, [_token("two", -0.1, one=-5.0, three=-2.5)]),
        _chunk({"content": " dogs"}, [_token(" dogs", -0.5)]),
        _chunk({"content": " 🐶"}, [_token(" �", -0.25), _token("�", -0.25)]),
        _chunk({"content": ""}, [_token("</s>", -0.01)], "stop", stop_reason=None),
        {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [], "usage": {**_USAGE, **_CACHED}},
    ),
    "two dogs 🐶",
    [math.exp(value) for value in (-0.1, -0.5, -0.25, -0.25, -0.01)],
    5,
)
# Comments while it waits, null for an empty text, token numbers, a last chunk with its timings.
FORMATS["llama.cpp"] = (
    ":\n\n: ping\n\n"
    + _events(
        _chunk({"role": "assistant", "content": None}),
        _chunk({"content": "two"}, [_token("two", -0.5) | {"id": 17}]),
        _chunk({}, None, "stop"),
        {"choices": [], "usage": _USAGE | {"completion_tokens": 2}, "timings": {"predicted_per_second": 80.0}},
    ),
    "two",
    [math.exp(-0.5)],
    2,
)
# Several tokens a chunk, usage that grows with every chunk, thoughts before the answer.
FORMATS["sglang"] = (
    _events(
        _ROLE,
        _chunk({"reasoning_content": "hm, "}, [_token("hm", -1.0), _token(",", -1.0)]),
        _chunk({"content": "two dogs"}, [_token("two", -0.5), _token(" dogs", -0.25)], usage=_USAGE),
        _chunk({"content": None}, None, "stop", matched_stop=2, usage=_USAGE | {"completion_tokens": 7}),
    ),
    "two dogs",
    [math.exp(-0.5), math.exp(-0.25)],
    7,
)
# No end mark, no probabilities, and usage within the last chunk.
FORMATS["transformers"] = (
    _events(
        _chunk({"role": "assistant"}),
        _chunk({"content": "two"}),
        _chunk({"content": " dogs"}),
        _chunk({}, None, "length", usage=_USAGE | {"completion_tokens": 2}),
        done=False,
    ),
    "two dogs",
    [None, None],
    2,
)
# Windows line ends, no space, other fields, a text with what Python takes for line ends, nothing at the end but DONE.
FORMATS["others"] = (
    "event: message\nid: 1\nretry: 10\n"
    + _events(_chunk({"content": "two\u2028dogs\x85\x0b"}), space="").replace("\n", "\r\n"),
    "two\u2028dogs\x85\x0b",
    [None],
    1,
)
