"""Talking with a model: streaming, stopping, probabilities, candidates, and what people may type."""

from __future__ import annotations

import copy
import math
import threading
import time
from types import SimpleNamespace

import pytest
import tiny
import torch
from PIL import Image

from playground import load
from playground.imaging.opening import MediaError
from playground.models.chat import ChatModel
from playground.models.generation.detokenize import spelled
from playground.models.messages import CannotRead, Message, PromptTooLong

FAMILIES = ("llava_clip", "llava_siglip", "llava_words", "smolvlm", "idefics3", "qwen2_5_vl")


def ask(text: str, *images: Image.Image) -> list[Message]:
    return [Message("user", text, images)]


@pytest.mark.parametrize("family", FAMILIES)
def test_pieces_join_to_exactly_what_transformers_generates(checkpoint, picture, family):
    model = load(str(checkpoint(family)))
    messages = [*ask("what is this ?", picture, picture), Message("assistant", "a circle ."), *ask("and this ?")]
    answer = model.generate(messages, max_new_tokens=40)
    inputs = model.prepare(messages)
    prompt = inputs["input_ids"].shape[1]
    plain = model.model.generate(**inputs, max_new_tokens=40, do_sample=False)[0, prompt:].tolist()
    assert [piece.token_id for piece in answer.pieces] == plain
    assert answer.text == "".join(piece.text for piece in answer.pieces)
    assert answer.text == model.processor.tokenizer.decode(plain, skip_special_tokens=True)

    statistics = answer.statistics
    assert statistics.prompt_tokens == prompt and statistics.new_tokens == len(plain)
    assert statistics.image_tokens == int((inputs["input_ids"] == model.model.config.image_token_id).sum())
    assert 0 < statistics.seconds_to_first_token < statistics.seconds and statistics.tokens_per_second > 0
    assert not statistics.stopped and statistics.reused_tokens == 0 and statistics.cache_miss_reason is None
    assert 0 < statistics.vision_seconds < statistics.seconds and statistics.language_seconds > 0


@pytest.mark.parametrize("make", [tiny.bytes_tokenizer, tiny.words_tokenizer])
@pytest.mark.parametrize("text", ["a dog . 🐶🐕‍🦺 naïve café", "there are  two dogs", "犬と猫", ""])
def test_text_streams_without_a_broken_character(make, text):
    tokenizer = make([])
    ids = tokenizer(text, add_special_tokens=False).input_ids
    for end in range(len(ids) + 1):
        steps = [SimpleNamespace(token_id=token) for token in ids[:end]]
        texts = [piece for _, piece in spelled(tokenizer, steps)]
        assert len(texts) == end
        assert not any("\ufffd" in piece for piece in texts[:-1])
        joined, expected = "".join(texts), tokenizer.decode(ids[:end], skip_special_tokens=True)
        if expected.endswith("\ufffd"):  # cut within a character: the whole ones before it stay
            assert text.startswith(joined.rstrip("\ufffd"))
        else:
            assert joined == expected


def test_a_piece_has_the_models_probability_and_the_likeliest_others(checkpoint, picture):
    model = load(str(checkpoint("llava_words")))
    answer = model.generate(ask("how many dogs are there ?", picture), max_new_tokens=4)
    inputs = model.prepare(ask("how many dogs are there ?", picture))
    with torch.inference_mode():
        likely = model.model(**inputs).logits[0, -1].softmax(-1).topk(6)
    first = answer.pieces[0]
    assert first.token_id == likely.indices[0]
    assert first.probability == pytest.approx(likely.values[0].item(), rel=1e-4)
    assert [p for _, p in first.runners_up] == pytest.approx(likely.values[1:].tolist(), rel=1e-4)

    drawn = model.generate(ask("how many dogs are there ?", picture), max_new_tokens=4, temperature=50.0)
    known = {first.probability, *likely.values.tolist()}
    assert len(drawn.pieces[0].runners_up) == 5
    assert drawn.pieces[0].probability <= max(known) * 1.001  # at temperature 1, though it was drawn at 50


def test_the_temperature_acts_whatever_the_checkpoint_prefers(checkpoint, picture, monkeypatch):
    model = load(str(checkpoint("smolvlm")))
    likeliest = model.generate(ask("what is this ?", picture), max_new_tokens=12)
    prefers = copy.deepcopy(model.model.generation_config)
    prefers.update(do_sample=True, top_k=1, top_p=0.001, temperature=0.1)
    monkeypatch.setattr(model.model, "generation_config", prefers)
    assert model.generate(ask("what is this ?", picture), max_new_tokens=12).text == likeliest.text
    drawn = {model.generate(ask("what is this ?", picture), max_new_tokens=12, temperature=2.0).text for _ in range(3)}
    assert len(drawn) > 1


def test_stop_ends_the_answer_after_the_token_in_work(checkpoint, picture):
    model, stop = load(str(checkpoint("llava_words"))), threading.Event()
    stream = model.stream(ask("describe the picture .", picture), max_new_tokens=900, stop=stop)
    for _ in range(3):
        next(stream)
    stop.set()
    try:
        while True:
            next(stream)
    except StopIteration as end:
        assert end.value.statistics.stopped
        assert 3 <= end.value.statistics.new_tokens < 900
    stopped_before = model.generate(ask("describe the picture .", picture), stop=stop)
    assert stopped_before.text == "" and stopped_before.statistics.stopped


def test_closing_the_stream_ends_the_computation(checkpoint, picture):
    model, before = load(str(checkpoint("llava_words"))), threading.active_count()
    stream = model.stream(ask("describe the picture .", picture), max_new_tokens=900)
    next(stream)
    assert threading.active_count() == before + 1
    stream.close()
    assert threading.active_count() == before


def test_what_goes_wrong_in_the_thread_reaches_the_caller(checkpoint, picture):
    model, before = load(str(checkpoint("llava_words"))), threading.active_count()

    def broken(layer, row, sequence):
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        model.generate(ask("what is this ?", picture), recorder=broken)
    assert threading.active_count() == before
    assert model.generate(ask("what is this ?", picture), max_new_tokens=2).pieces  # and it works again


def test_conversations_take_turns(checkpoint, picture):
    model = load(str(checkpoint("qwen2_5_vl")))
    questions = [ask("what is this ?", picture), ask("how many dogs are there ?", picture.resize((90, 200)))]
    alone = [model.generate(question, max_new_tokens=30).text for question in questions]
    together: dict[int, str] = {}

    def talk(number: int) -> None:
        together[number] = model.generate(questions[number % 2], max_new_tokens=30).text

    talkers = [threading.Thread(target=talk, args=(number,)) for number in range(4)]
    for talker in talkers:
        talker.start()
    for talker in talkers:
        talker.join()
    assert [together[number] for number in range(4)] == alone * 2


def test_a_conversation_that_waits_for_its_turn_can_leave(checkpoint, picture):
    model, stop = load(str(checkpoint("llava_words"))), threading.Event()
    messages = ask("describe the picture .", picture)
    first = model.stream(messages, max_new_tokens=900, recorder=lambda *_: time.sleep(0.01))
    next(first)
    threading.Timer(0.1, stop.set).start()
    assert model.generate(messages, stop=stop).pieces == ()  # the first one never ends: nobody reads on
    first.close()


def test_candidates_are_whole_answers_with_their_probability(checkpoint, picture):
    model = load(str(checkpoint("llava_words")))
    messages = ask("how many dogs are there ?", picture)
    found = model.candidates(messages, count=5, max_new_tokens=2)
    assert len({candidate.text for candidate in found}) == len(found) <= 5
    assert [c.probability for c in found] == sorted((c.probability for c in found), reverse=True)
    # The likeliest of all two-token answers, counted one by one:
    inputs = model.prepare(messages)
    with torch.inference_mode():
        first = model.model(**inputs).logits[0, -1].log_softmax(-1)
        best = -math.inf
        for token in first.topk(5).indices:
            ids = torch.cat([inputs["input_ids"], token.view(1, 1)], 1)
            longer = {**inputs, "input_ids": ids, "attention_mask": torch.ones_like(ids)}
            best = max(best, (first[token] + model.model(**longer).logits[0, -1].log_softmax(-1).max()).item())
    assert found[0].probability == pytest.approx(math.exp(best), rel=1e-3)


def test_a_beam_search_can_be_stopped(checkpoint, picture):
    model, stop, steps = load(str(checkpoint("llava_words"))), threading.Event(), []

    def stopped_at_the_third(*_):
        steps.append(1)
        if len(steps) == 3:
            stop.set()

    model.model.register_forward_pre_hook(stopped_at_the_third)
    assert model.candidates(ask("what is this ?", picture), count=2, max_new_tokens=200, stop=stop) == ()
    assert 3 <= len(steps) <= 4


def test_peak_memory_is_what_the_answer_took(checkpoint, picture):
    model = load(str(checkpoint("llava_words")))
    little = model.generate(ask("what is this ?", picture), max_new_tokens=2)

    def large(layer, row, sequence, kept=[]):  # noqa: B006
        kept[:] = [torch.ones(64_000_000)]  # 256 MB, let go of by the next one

    much = model.generate(ask("what is this ?", picture), max_new_tokens=2, recorder=large)
    assert 200_000_000 < much.statistics.peak_memory - little.statistics.peak_memory < 700_000_000


@pytest.mark.parametrize("make", [tiny.bytes_tokenizer, tiny.words_tokenizer])
def test_a_long_answer_streams_as_it_is_decoded(make):
    tokenizer = make([])
    text = " ".join(["two dogs , one cat ; café 犬 🐶 and a  circle"] * 12)
    ids = tokenizer(text, add_special_tokens=False).input_ids
    texts = [piece for _, piece in spelled(tokenizer, [SimpleNamespace(token_id=token) for token in ids])]
    assert len(ids) > 200 and "".join(texts) == tokenizer.decode(ids, skip_special_tokens=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_control_tokens_that_somebody_types_are_only_text(checkpoint, picture, family):
    model = load(str(checkpoint(family)))
    typed = "<image> <IMAGE> <im<image>age> </s> <|image_pad|> <|im_end|> <end_of_utterance> <row_1_col_1>"
    calm, wild = model.prepare(ask("x", picture)), model.prepare(ask(typed, picture))
    control = set(model.processor.tokenizer.all_special_ids)

    def counted(inputs) -> int:
        return sum(token in control for token in inputs["input_ids"][0].tolist())

    assert counted(wild) == counted(calm)
    assert model.generate(ask(typed, picture), max_new_tokens=2).pieces


def test_a_conversation_that_is_too_long_says_how_long(checkpoint, picture):
    model = load(str(checkpoint("llava_words")))
    with pytest.raises(PromptTooLong, match=r"has [\d,]+ tokens; .* reads 1,024 at most"):
        model.prepare(ask("how many dogs are there ? " * 500, picture))
    nearly = ask("dogs " * 480, picture)
    room = 1024 - model.prepare(nearly)["input_ids"].shape[1]
    assert 0 < room < 900
    assert len(model.generate(nearly, max_new_tokens=900).pieces) <= room
    with pytest.raises(ValueError, match="write a message"):
        model.generate([])


@pytest.mark.parametrize("family", FAMILIES)
def test_odd_pictures_are_read(checkpoint, family):
    model: ChatModel = load(str(checkpoint(family)))
    pictures = [Image.new("RGB", (1, 1)), Image.new("L", (3, 50)), Image.new("RGBA", (80, 40), (9, 9, 9, 99))]
    assert model.generate(ask("what is this ?", *pictures), max_new_tokens=2).pieces
    assert model.generate(ask("no picture at all"), max_new_tokens=2).statistics.image_tokens == 0


def test_a_picture_that_the_processor_refuses_is_named(checkpoint, monkeypatch):
    model, strip = load(str(checkpoint("qwen2_5_vl"))), Image.new("RGB", (3000, 2))
    with pytest.raises(MediaError, match="too thin a strip"):
        ask("what is this ?", strip)
    for limit, value in (("MAX_STRETCH", 9000), ("SHORTEST_SIDE", 1)):  # the family's own processor has its say
        monkeypatch.setattr(f"playground.imaging.opening.{limit}", value)
    with pytest.raises(CannotRead, match="qwen2_5_vl cannot read this conversation: .*aspect ratio"):
        model.prepare(ask("what is this ?", strip))
