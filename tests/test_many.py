"""Many at once: every result is what the item alone gives, and one bad item does not stop the rest."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from PIL import Image

from playground import load
from playground.models.chat import ChatModel
from playground.models.messages import Message
from playground.moji.scenes import make_scene
from playground.tasks import TaskError
from playground.tasks.bulk.many import answer_many, caption_each, caption_many, embed_many, reply_many

QUESTIONS = ("how many dogs are there?", "is there a cat in the picture?")
TALKERS = ("smolvlm", "qwen2_5_vl", "llava_next", "internvl", "gemma3", "florence2", "blip", "blip_vqa")


@pytest.fixture(scope="module")
def scenes() -> list[Image.Image]:
    rng = np.random.default_rng(11)
    return [make_scene(rng, count).image for count in (1, 2, 3)]


def alone(model: ChatModel, image: Image.Image, text: str, tokens: int) -> str:
    return model.generate([Message("user", text, (image,))], max_new_tokens=tokens).text.strip()


def test_captions_and_answers_equal_those_given_one_by_one(scenes, tmp_path):
    model = load("moji-vlm")
    path = tmp_path / "scene.png"
    scenes[1].save(path)
    captions = caption_many(model, [scenes[0], path, str(path), scenes[2]], at_once=3, progress=False)
    expected = [alone(model, image, "describe the picture.", 64) for image in scenes]
    assert [result.value for result in captions] == [expected[0], expected[1], expected[1], expected[2]]
    asked = [(image, question) for image in scenes for question in QUESTIONS]
    answers = answer_many(model, asked, at_once=5, progress=False)
    assert [result.value for result in answers] == [alone(model, image, question, 96) for image, question in asked]
    assert not any(result.error for result in (*captions, *answers))
    with pytest.raises(TaskError, match="no caption style 'loud'"):
        caption_many(model, scenes, style="loud")


def test_captions_come_one_by_one_and_stop_within_a_batch(scenes, tmp_path, monkeypatch):
    model, stop, broken = load("moji-vlm"), threading.Event(), tmp_path / "broken.png"
    broken.write_bytes(b"")
    expected = [result.value for result in caption_many(model, scenes, "blind", progress=False)]
    came = dict(caption_each(model, [*scenes, broken], "blind"))
    assert [came[place].value for place in range(4)] == [*expected, None]
    assert next(caption_each(model, [*scenes, broken], "blind"))[0] == 3  # what is broken is said before all else
    assert [text.count(".") for text in expected] == [2, 3, 3]  # of one thing none is the biggest
    first, each = [], caption_each(model, scenes * 8, "detailed", at_once=4, stop=stop)
    first.append(next(each))
    generate, tokens = model.model.forward, []

    def stopping(*arguments, **options):
        tokens.append(1)
        if len(tokens) == 3:
            stop.set()
        return generate(*arguments, **options)

    monkeypatch.setattr(model.model, "forward", stopping)
    first += each
    assert len(first) == 1 and len(tokens) <= 4


@pytest.mark.parametrize("family", TALKERS)
def test_prompts_of_different_length_share_a_batch_in_every_family(checkpoint, picture, family):
    model = load(str(checkpoint(family)))
    other = Image.linear_gradient("L").resize((90, 200)).convert("RGB")
    texts = ("what is this ?", "how many dogs are there ? is there a cat ?", "")
    conversations = [
        [Message("user", text, (image,))] for text, image in zip(texts, (picture, other, picture), strict=True)
    ]
    expected = [model.generate(messages, max_new_tokens=4).text.strip() for messages in conversations]
    found = reply_many(model, conversations, max_new_tokens=4, progress=False)
    assert [result.value or "" for result in found] == expected
    assert all(result.error is None or "without a word" in result.error for result in found)
    if model.model.config.model_type == "qwen2_5_vl":  # text alone beside pictures
        conversations.append([Message("user", "hello")])
        expected.append(model.generate(conversations[-1], max_new_tokens=4).text.strip())
        assert [r.value for r in reply_many(model, conversations, max_new_tokens=4, progress=False)] == expected


def test_a_long_prompt_cuts_no_other_answer(checkpoint, picture, monkeypatch):
    model = load(str(checkpoint("llava_words")))
    talks = [[Message("user", text, (picture,))] for text in ("what is this ?", "how many dogs ?" * 9, "a cat ?")]
    lengths = [model.prepare(talk)["input_ids"].shape[1] for talk in talks]
    monkeypatch.setattr(ChatModel, "context_length", max(lengths) + 2)
    alone = [model.generate(talk, max_new_tokens=12) for talk in talks]
    assert [len(answer.pieces) for answer in alone] == [12, 2, 12]
    together = reply_many(model, talks, max_new_tokens=12, at_once=3, progress=False)
    assert [result.value for result in together] == [answer.text.strip() for answer in alone]
    prepared = [model.prepare(talk) for talk in talks]
    assert [text.strip() for text in model.generate_batch(prepared, max_new_tokens=12)] == [
        answer.text.strip() for answer in alone
    ]


def test_one_bad_item_gives_a_sentence_and_stops_nothing(checkpoint, picture, tmp_path):
    model, broken = load(str(checkpoint("qwen2_5_vl"))), tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    strip, long = Image.new("RGB", (3000, 2)), "dogs " * 3900
    asked = [(picture, "what is this ?"), (broken, "what ?"), (strip, "what ?"), (picture, ""), (picture, "is it ?")]
    found = answer_many(model, [*asked, (picture, long), ("https://example.org/a.png", "what ?")], max_new_tokens=4)
    assert [result.value is not None for result in found] == [True, False, False, False, True, False, False]
    assert all((result.value is None) != (result.error is None) for result in found)
    for result, words in zip(found[1:4], ("not a picture", "too thin a strip", "question is empty"), strict=True):
        assert words in result.error
    assert "Addresses are not fetched" in found[6].error
    odd = reply_many(model, [[], [Message("user", "what ?", (picture,))]])
    assert "nothing to answer" in odd[0].error and odd[1].value is not None


def test_batches_are_halved_until_they_fit(checkpoint, picture, monkeypatch, capsys):
    model, sizes = load(str(checkpoint("llava_words"))), []
    generate_batch = ChatModel.generate_batch

    def little_room(model, prepared, **options):
        sizes.append(len(prepared))
        if len(prepared) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return generate_batch(model, prepared, **options)

    monkeypatch.setattr(ChatModel, "generate_batch", little_room)
    asked = [(picture, f"how many dogs are there {'there ' * count}?") for count in range(14)]
    found = answer_many(model, asked, max_new_tokens=3, at_once=8)
    assert [result.value for result in found] == [alone(model, image, text, 3) for image, text in asked]
    assert (
        sizes[0] == 1 and max(sizes) == 8 and sizes[-1] <= 3 and sizes.count(8) == 1
    )  # what failed is not tried again
    assert "14/14" in capsys.readouterr().err

    def no_room(model, prepared, **options):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(ChatModel, "generate_batch", no_room)
    assert "not enough memory" in answer_many(model, asked[:1])[0].error


def test_vectors_equal_those_made_one_by_one(scenes, tmp_path):
    model, path = load("moji-clip"), tmp_path / "scene.png"
    scenes[0].save(path)
    items = ["a picture of a dog", scenes[0], path, "a cat", tmp_path / "missing.png", *scenes[1:]]
    found = embed_many(model, items, at_once=3, progress=False)
    assert "There is no file 'missing.png'" in found[4].error
    singles = [model.embed_texts(["a picture of a dog"]), *[model.embed_images([scenes[0]])] * 2]
    singles += [model.embed_texts(["a cat"]), *(model.embed_images([scene]) for scene in scenes[1:])]
    values = torch.stack([result.value for result in found if result.value is not None])
    assert torch.allclose(values, torch.cat(singles), atol=1e-5)
    assert embed_many(model, []) == []
