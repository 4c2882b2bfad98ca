"""The app's own example scenes: is the caption right, and the answer to the question that the app suggests?"""

from __future__ import annotations

from PIL import Image

from playground.models.chat import ChatModel
from playground.moji.phrasing import SHORT_PROMPT
from playground.moji.words import Exchange, sentence
from playground.tasks.examples import Example, examples
from playground.training.measures_answers import Asked, ask, is_right
from playground.training.scoring import parse_caption

# What each scene's own question is rightly answered with, by the name of its file.
ANSWERS = {
    "two-dogs": "two",
    "traffic": "a taxi",
    "shapes": "red",
    "breakfast": "bottom right",
    "zoo": "the lion",
    "music": "no",
    "house-and-key": "open",
    "three-bees": "three",
}


def asked_about(example: Example) -> tuple[Asked, Asked]:
    """The app's prompt for a caption, and the example's own question."""
    with Image.open(example.path) as opened:
        image = opened.convert("RGB")
    caption = Exchange("caption", SHORT_PROMPT, sentence(example.alt))
    return Asked(image, (caption,)), Asked(image, (Exchange("example", example.question, ANSWERS[example.name]),))


def measure_examples(chat: ChatModel) -> dict:
    """``right`` and ``asked`` of two questions about each example, and the ``wrong`` replies by the example's name.

    A caption is right where it names all things in their number, in whatever order.
    """
    wrong: dict[str, list[str]] = {}
    for example in examples():
        caption, question = asked_about(example)
        said, answered = ask(chat, [caption, question])
        if parse_caption(said.text) != parse_caption(caption.talk[0].answer):
            wrong.setdefault(example.name, []).append(said.text)
        if not is_right(question, answered):
            wrong.setdefault(example.name, []).append(answered.text)
    total = 2 * len(examples())
    return {"right": total - sum(map(len, wrong.values())), "asked": total, "wrong": wrong}
