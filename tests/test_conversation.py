"""Conversations that continue what was computed: every turn equals the same turn computed anew, token for token."""

from __future__ import annotations

import threading

import lively
import pytest
from PIL import Image

from playground import load
from playground.models.chat import ChatModel
from playground.models.generation.image_features import ImageFeatureCache
from playground.models.generation.prefix_cache import PrefixCache
from playground.models.messages import Answer, Message

WINDOWS = ("gemma3", "llava_mistral", "qwen2_vl_windows", "cohere2_vision")
EXACT = (
    "llava_words", "smolvlm", "idefics3", "qwen2_5_vl", "qwen3_vl", "llava_next", "llava_onevision",
    "internvl", "gemma3",
)  # fmt: skip
COLD = ("paligemma", "florence2", "blip", "blip_vqa", "blip_chat")


def user(text: str, *images: Image.Image) -> Message:
    return Message("user", text, images)


def said(answer: Answer) -> Message:
    return Message("assistant", answer.text)


def same(model: ChatModel, messages: list[Message], conversation: PrefixCache, **options) -> Answer:
    """Answer with the conversation, after checking that without it the very same tokens come."""
    cold = model.generate(messages, max_new_tokens=6)
    warm = model.generate(messages, max_new_tokens=6, conversation=conversation, **options)
    assert [piece.token_id for piece in warm.pieces] == [piece.token_id for piece in cold.pieces]
    chances = [piece.probability for piece in cold.pieces]
    assert [piece.probability for piece in warm.pieces] == pytest.approx(chances, rel=1e-3)
    assert warm.statistics.prompt_tokens == cold.statistics.prompt_tokens
    assert cold.statistics.reused_tokens == 0 and cold.statistics.cache_miss_reason is None
    return warm


@pytest.mark.parametrize("family", EXACT)
def test_every_turn_equals_the_same_turn_computed_anew(checkpoint, picture, family):
    model = load(str(checkpoint(family)))
    kept, other = model.conversation(), Image.linear_gradient("L").resize((90, 140))
    free = family != "llava_onevision"  # it reads a picture in another way as soon as there are two
    talk = [user("what is this ?", picture)]
    first = same(model, talk, kept)
    assert first.statistics.reused_tokens == 0 and first.statistics.cache_miss_reason is None

    talk += [said(first), user("is there a cat ?")]
    second = same(model, talk, kept)
    assert second.statistics.reused_tokens >= first.statistics.prompt_tokens - 1

    talk += [said(second), user("and what is this ?", other)]
    third = same(model, talk, kept)
    if free:
        assert second.statistics.prompt_tokens - 1 <= third.statistics.reused_tokens
        assert third.statistics.reused_tokens < third.statistics.prompt_tokens - third.statistics.image_tokens // 3

    again = same(model, talk, kept)
    edited = same(model, [talk[0], said(first), user("how many dogs are there ?"), *talk[3:]], kept)
    if free:
        assert again.statistics.reused_tokens == again.statistics.prompt_tokens - 1  # its last token alone is read
        assert 0 < edited.statistics.reused_tokens < second.statistics.prompt_tokens
    swapped = same(model, [user("what is this ?", other), *talk[1:3]], kept)  # the same tokens, another picture
    assert swapped.statistics.reused_tokens < first.statistics.prompt_tokens - first.statistics.image_tokens


@pytest.mark.parametrize("family", ["smolvlm", "qwen3_vl", "llava_next", "gemma3"])
def test_a_talk_goes_on_after_it_was_stopped(checkpoint, picture, family):
    model, kept = load(str(checkpoint(family))), PrefixCache()
    stream = model.stream([user("what is this ?", picture)], max_new_tokens=40, conversation=kept)
    pieces = [next(stream) for _ in range(3)]
    stream.close()
    so_far = Message("assistant", "".join(piece.text for piece in pieces))
    talk = [user("what is this ?", picture), so_far, user("is there a cat ?")]
    assert same(model, talk, kept).statistics.reused_tokens > 0


@pytest.mark.parametrize("family", COLD)
def test_a_family_that_cannot_continue_says_so_and_answers_all_the_same(checkpoint, picture, family):
    model, kept = load(str(checkpoint(family))), PrefixCache()
    for text in ("what is this ?", "what is this ? a", "what is this ?"):
        answer = same(model, [user(text, picture)], kept)
        assert answer.statistics.reused_tokens == 0
        assert "before" in answer.statistics.cache_miss_reason
    assert len(kept) == kept.nbytes == 0


@pytest.mark.parametrize(("family", "cache"), [*((family, None) for family in WINDOWS), ("gemma3", "hybrid")])
def test_layers_with_a_window_continue_exactly_and_can_be_taken_back(tmp_path, picture, family, cache):
    def ask_for_a_cache(model):
        model.generation_config.cache_implementation = cache

    model = load(str(lively.write(family, tmp_path, ask_for_a_cache)))
    other = Image.linear_gradient("L").resize((90, 140))
    for text in ("hi", "how many dogs are there ? " * 12):  # shorter and longer than the window
        kept = model.conversation()
        talk = [user(text, picture)]
        talk += [said(same(model, talk, kept)), user("is there a cat ?", other)]
        talk += [said(same(model, talk, kept)), user("and ?")]
        third = same(model, talk, kept)
        assert third.statistics.reused_tokens > third.statistics.image_tokens
        edited = same(model, [*talk[:3], said(third), user("a dog ?")], kept)
        assert edited.statistics.reused_tokens > edited.statistics.image_tokens
        assert edited.statistics.cache_miss_reason is None
        warm = model.likelihoods(talk, ["yes", "no"], conversation=kept)
        assert [one.log_probability for one in warm] == pytest.approx(
            [one.log_probability for one in model.likelihoods(talk, ["yes", "no"])], abs=1e-3
        )


def test_running_states_go_on_where_the_talk_ended_and_begin_anew_where_it_was_edited(tmp_path, picture):
    model, kept = load(str(lively.write("qwen3_5", tmp_path))), PrefixCache()
    end = model.model.generation_config.eos_token_id
    answer = [*model.processor.tokenizer("two dogs", add_special_tokens=False)["input_ids"], end]
    talk = [user("how many dogs are there ? " * 8, picture)]
    for turn in range(3):
        warm = model.generate(talk, max_new_tokens=8, forced_token_ids=[answer], conversation=kept)
        cold = model.generate(talk, max_new_tokens=8, forced_token_ids=[answer])
        chances = [piece.probability for piece in cold.pieces]
        assert [piece.probability for piece in warm.pieces] == pytest.approx(chances, rel=1e-3)
        assert (warm.statistics.reused_tokens > warm.statistics.image_tokens) == (turn > 0)
        talk += [said(warm), user("is there a cat ?", *([picture] if turn == 0 else []))]
    edited = same(model, [talk[0], Message("assistant", "one dog"), user("a cat ?")], kept)
    assert edited.statistics.reused_tokens == 0 and "running state" in edited.statistics.cache_miss_reason


def test_the_vision_encoder_sees_only_new_pictures(checkpoint, picture):
    model, kept, seen = load(str(checkpoint("smolvlm"))), PrefixCache(), ImageFeatureCache()
    shown = []
    model.model.get_encoder("image").register_forward_hook(
        lambda module, inputs, output: shown.append(output[0].shape[0])
    )
    talk = [user("what is this ?", picture)]
    talk.append(said(model.generate(talk, max_new_tokens=3, conversation=kept)))
    tiles, shown[:] = sum(shown), []
    assert tiles > 1
    model.generate([*talk, user("is there a cat ?")], max_new_tokens=3, conversation=kept)
    assert not shown
    small = Image.new("RGB", (40, 40), "red")
    answer = model.generate([*talk, user("and this ?", small)], max_new_tokens=3, conversation=kept, seen=seen)
    assert 0 < sum(shown) < tiles and answer.statistics.vision_seconds > 0
    shown[:] = []
    asked_elsewhere = model.generate([user("what is it ?", small)], max_new_tokens=3, seen=seen)  # another tab
    assert not shown and asked_elsewhere.statistics.vision_seconds == 0
    anew = model.generate([user("what is it ?", small)], max_new_tokens=3)
    assert [piece.token_id for piece in asked_elsewhere.pieces] == [piece.token_id for piece in anew.pieces]


def test_two_visitors_share_nothing(checkpoint, picture):
    model = load(str(checkpoint("qwen2_5_vl")))
    wide, talks = picture.resize((200, 60)), {}
    for visitor, shown in (("one", picture), ("two", wide)):
        talks[visitor] = ([user("what is this ?", shown)], model.conversation())
    for text in ("is there a cat ?", "how many dogs are there ?"):
        for messages, kept in talks.values():
            messages += [said(same(model, messages, kept)), user(text)]
    text_only = model.generate([user("hello")], max_new_tokens=4).text
    for messages, kept in talks.values():
        assert same(model, messages, kept).statistics.reused_tokens > 0
    assert model.generate([user("hello")], max_new_tokens=4).text == text_only


def test_memory_is_bounded_and_freed(checkpoint, picture):
    model = load(str(checkpoint("llava_words")))
    whole, small = model.conversation(), PrefixCache()
    talk = [user("how many dogs are there ? " * 30, picture)]
    answer = same(model, talk, whole)
    assert whole.nbytes > 0 and len(whole) == answer.statistics.prompt_tokens + answer.statistics.new_tokens - 1
    small.limit = whole.nbytes // 2
    same(model, talk, small)
    assert small.limit * 0.9 < small.nbytes <= small.limit
    talk += [said(answer), user("is there a cat ?")]
    continued = same(model, talk, small)
    assert 0 < continued.statistics.reused_tokens < answer.statistics.prompt_tokens  # the beginning was kept
    whole.clear()
    assert whole.nbytes == len(whole) == 0
    assert same(model, talk, whole).statistics.reused_tokens == 0


def test_another_model_begins_anew_and_what_failed_is_not_continued(checkpoint, picture):
    kept, talk = PrefixCache(), [user("what is this ?", picture)]
    for family in ("llava_words", "llava_clip", "llava_words"):
        assert same(load(str(checkpoint(family))), talk, kept).statistics.reused_tokens == 0

    def broken(layer, row, sequence):
        raise MemoryError("no room")

    model = load(str(checkpoint("llava_words")))
    with pytest.raises(MemoryError):
        model.generate(talk, conversation=kept, recorder=broken)
    assert len(kept) == 0
    assert same(model, talk, kept).statistics.reused_tokens == 0


def test_a_stop_while_the_prompt_is_read_acts_within_a_layer_and_keeps_what_came_before(checkpoint, picture):
    model, kept = load(str(checkpoint("llava_words"))), PrefixCache()
    talk = [user("what is this ?", picture)]
    talk += [said(same(model, talk, kept)), user("how many dogs are there ? " * 10)]
    had, stop, layers = len(kept), threading.Event(), []

    def stopping(layer, row, sequence):
        layers.append(layer)
        stop.set()

    answer = model.generate(talk, conversation=kept, stop=stop, recorder=stopping)
    assert layers == [0] and not answer.pieces and answer.statistics.stopped
    assert 0 < len(kept) <= had
    assert same(model, talk, kept).statistics.reused_tokens == len(kept) - 11 or len(kept) > had


@pytest.mark.parametrize("family", ["llava_words", "smolvlm", "qwen2_5_vl", "gemma3", "florence2"])
def test_a_beam_search_reads_a_conversation_and_leaves_it(checkpoint, picture, family):
    model, kept = load(str(checkpoint(family))), PrefixCache()
    messages = [user("how many dogs are there ?", picture)]
    cold = model.candidates(messages, count=3, max_new_tokens=3)
    model.generate(messages, max_new_tokens=3, conversation=kept)
    had = len(kept)
    warm = model.candidates(messages, count=3, max_new_tokens=3, conversation=kept)
    assert [candidate.text for candidate in warm] == [candidate.text for candidate in cold]
    assert [c.probability for c in warm] == pytest.approx([c.probability for c in cold], rel=1e-3)
    assert len(kept) == had
    stop = threading.Event()
    stop.set()
    assert model.candidates(messages, stop=stop) == ()
