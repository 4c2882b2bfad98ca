"""docs/families.md: which family was driven with which verb, written from the results of the tests that did so.

python -m pytest tests --families docs/families.md -k family_does

A test counts that has the parameters `family` and `verb`, and whose family claims the verb in `families.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from families import CHAT_FAMILIES, FAMILIES

HEAD = """\
# Families and what the tests do with them

Every mark stands for a test that built a tiny random checkpoint of the family's official class, loaded it with
`load` and did just that. What has no mark is refused with a sentence, and the app shows the reason. Other models whose
config maps to a class of `AutoModelForImageTextToText`, `AutoModelForZeroShotImageClassification` or
`AutoModelForMaskGeneration` load as well; what cannot be known of them is switched off.

Does a checkpoint of your own do all this? `python -m playground check NAME_OR_FOLDER` drives each verb below with drawn
pictures and compares with bare `transformers` what can be compared: the prompt, the tokens, many at once with one at a
time, a talk that is continued with the same talk computed anew, attention with eager attention. It prints a line for
each, and ends with 0 where nothing fails.

A picture's tokens can be limited (`load(NAME, image_tokens=2048)`, `PLAYGROUND_IMAGE_TOKENS`, `--image-tokens`) in
every family whose pictures grow with their size. Layers with a sliding window (Gemma 3, Mistral, Qwen2-VL, Cohere2)
continue a talk exactly, edited or not; Qwen3.5, whose layers keep a running state, continues one that goes on where it
ended.

This file is written by `python -m pytest tests --families docs/families.md -k family_does`.
"""
PASSED, FAILED = "✓", "**fails**"

Results = dict[tuple[str, str], bool]


def claimed() -> Results:
    """Every verb of every family, as if all of them had passed."""
    return {(key, verb): True for key, family in FAMILIES.items() for verb in family.verbs}


def page(results: Results) -> str:
    """The whole file. What is claimed and was not driven has no result and gets no mark."""
    chat = [key for key in FAMILIES if key in CHAT_FAMILIES]
    others = [key for key in FAMILIES if key not in CHAT_FAMILIES]
    parts = [HEAD, "## Pictures and text to text\n", _table(chat, results)]
    if others:
        parts += ["## Encoders, segmenters and detectors\n", _table(others, results)]
    return "\n".join(parts)


def _table(keys: Iterable[str], results: Results) -> str:
    rows = [FAMILIES[key] for key in keys]
    verbs = list(dict.fromkeys(verb for family in rows for verb in family.verbs))
    lines = ["| family | for example | " + " | ".join(verbs) + " |", "|---|---|" + ":-:|" * len(verbs)]
    for key, family in zip(keys, rows, strict=True):
        marks = [{True: PASSED, False: FAILED}.get(results.get((key, verb)), "") for verb in verbs]
        lines.append(f"| {family.name} | `{family.example}` | " + " | ".join(marks) + " |")
    return "\n".join(lines) + "\n"


class Collector:
    """A pytest plugin that notes how the tests with a family and a verb end, and writes the page."""

    def __init__(self, file: Path) -> None:
        self.file, self.results = file, {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item):
        report = yield
        asked = getattr(item, "callspec", None) and (
            item.callspec.params.get("family"),
            item.callspec.params.get("verb"),
        )
        if asked in claimed() and (report.when == "call" or report.failed) and not report.skipped:
            self.results[asked] = report.passed and self.results.get(asked, True)
        return report

    def pytest_sessionfinish(self) -> None:
        """Write what was seen."""
        self.file.write_text(page(self.results), encoding="utf-8")
