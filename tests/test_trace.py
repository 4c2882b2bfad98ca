"""A trace keeps what an answer attended to: of pictures and words, near and far, in little room and in one file."""

from __future__ import annotations

import json
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file

from playground import load
from playground.interpret.forward.teacher_forcing import probabilities
from playground.interpret.metrics.sanity import given
from playground.interpret.painting import attention_map, paint
from playground.interpret.recorder import Recorder, Rows
from playground.interpret.trace import CannotRepeat, trace, trace_answer, trace_picture
from playground.interpret.trace_file import LARGEST, load_trace, save_trace
from playground.models.messages import Message, Statistics, asked
from playground.tasks.examples import examples


def ask(*images: Image.Image, text: str = "what is this ?") -> list[Message]:
    return [Message("user", text, images)]


def test_a_chat_model_traces_its_answer_in_one_call(checkpoint, picture):
    model = load(str(checkpoint("llava_words")))
    seen = trace_picture(model, picture, "how many dogs are there ?", max_new_tokens=5)
    assert seen.answer.text == model.generate(asked("how many dogs are there ?", picture), max_new_tokens=5).text
    assert seen.question == "how many dogs are there ?" and seen.images == (picture,)
    assert seen.model == model.name and seen.text is None


def test_pictures_and_words_of_the_prompt_get_all_attention_of_the_first_word(checkpoint, picture):
    seen = trace_picture(load(str(checkpoint("llava_words"))), picture, "is there a cat ?", max_new_tokens=3, text=True)
    shares = seen.attention[0].sum(axis=-1) + seen.text[0].sum(axis=-1)
    np.testing.assert_allclose(shares, 1, atol=1e-3)
    assert len(seen.text_tokens) == seen.text.shape[-1] and "cat" in "".join(seen.text_tokens)
    later = seen.attention[2].sum(axis=-1) + seen.text[2].sum(axis=-1)
    assert (later < 1).all()  # the rest is for the answer's own words


def test_what_a_layer_cannot_see_any_more_gets_nothing(checkpoint, picture):
    """Two of the tiny Gemma's three layers see the last 64 tokens; behind that the picture is out of their sight."""
    model = load(str(checkpoint("gemma3")))
    far = trace_picture(model, picture, "how many dogs are there ? " * 12, max_new_tokens=3)
    assert far.attention[:, :2].max() == 0 and far.attention[:, 2].min() > 0
    near = trace_picture(model, picture, "hi", max_new_tokens=3)
    assert near.attention[0, :2].min() > 0


def test_a_recorder_knows_where_a_shortened_row_belongs():
    recorder = Recorder([0, 3])
    torch = pytest.importorskip("torch")
    for keys in ((4, 4), (5, 3)):  # the second layer's window is three tokens long
        for layer, count in enumerate(keys):
            recorder(layer, torch.arange(1, count + 1, dtype=torch.float32)[None] / 10)
    rows = recorder.rows()
    np.testing.assert_allclose(rows[:, :, 0], [[[0.1, 0.4], [0.1, 0.4]], [[0.1, 0.4], [0, 0.2]]], atol=1e-5)


def test_an_answer_that_was_stopped_at_once_has_no_rows(checkpoint, picture):
    stop = Event()
    stop.set()
    seen = trace_picture(load(str(checkpoint("llava_words"))), picture, "what ?", stop=stop)
    assert seen.words == () and len(seen.attention) == 0


def test_rows_are_read_like_an_array():
    shares = np.random.default_rng(0).random((3, 2, 4, 5), np.float32)
    rows = kept(shares)
    for key in (0, (slice(None), [1]), ([0, 2], 1), (..., 3), (1, 0, 2, 4), (slice(None), slice(1), 2)):
        np.testing.assert_allclose(rows[key], shares[key], atol=1e-5)
    assert rows[[0, 1]].dtype == np.float32 and np.asarray(rows).shape == rows.shape == shares.shape
    with pytest.raises(IndexError):
        rows[:, 2]


def kept(shares: np.ndarray) -> Rows:
    scales = shares.max(axis=-1)
    return Rows(np.rint(shares / scales[..., None] * 65535).astype(np.uint16), scales)


@pytest.mark.parametrize("family", ["smolvlm", "blip_chat"])
def test_a_saved_trace_comes_back_as_it_was(checkpoint, picture, tmp_path, family):
    pictures = [picture, picture.rotate(90, expand=True)] if family == "smolvlm" else [picture]
    seen = trace(load(str(checkpoint(family))), ask(*pictures), max_new_tokens=6, text=True)
    back = load_trace(save_trace(seen, tmp_path / "answer.trace"))
    assert (back.words, back.pieces, back.layouts, back.answer) == (seen.words, seen.pieces, seen.layouts, seen.answer)
    assert (back.model, back.question, back.text_tokens) == (seen.model, seen.question, seen.text_tokens)
    assert (back.layers, back.heads, back.image_sizes) == (seen.layers, seen.heads, seen.image_sizes)
    assert [image.tobytes() for image in back.images] == [image.tobytes() for image in pictures]
    np.testing.assert_array_equal(back.attention[...], seen.attention[...])
    np.testing.assert_array_equal(back.text[...], seen.text[...])
    np.testing.assert_array_equal(attention_map(back, 0, layer=1), attention_map(seen, 0, layer=1))


def test_how_its_words_lean_is_saved_and_an_older_file_does_not_know(checkpoint, picture, tmp_path):
    seen = trace_picture(load(str(checkpoint("llava_words"))), picture, "what ?", max_new_tokens=3)
    leans = tuple(index / 10 for index in range(len(seen.words)))
    assert load_trace(save_trace(replace(seen, leans=leans), tmp_path / "new.trace")).leans == leans
    with safe_open(save_trace(seen, tmp_path / "old.trace"), framework="numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    described = json.loads(metadata["trace"])
    del described["leans"]
    save_file(tensors, tmp_path / "older.trace", metadata=metadata | {"trace": json.dumps(described)})
    assert load_trace(tmp_path / "older.trace").leans == ()
    described["leans"] = [2.0] * max(1, len(seen.words))
    save_file(tensors, tmp_path / "forged.trace", metadata=metadata | {"trace": json.dumps(described)})
    with pytest.raises(ValueError, match="leans on the picture"):
        load_trace(tmp_path / "forged.trace")


def test_a_long_answer_of_a_deep_model_takes_at_most_50_mb(checkpoint, picture, tmp_path):
    small = trace_picture(load(str(checkpoint("llava_words"))), picture, "what ?", max_new_tokens=1)
    random = np.random.default_rng(0)
    codes = random.integers(0, 65536, (100, 30, 9, 1200), np.uint16)
    codes >>= random.integers(0, 16, 1200, np.uint16)  # many shares are small
    large = Rows(codes, random.random((100, 30, 9), np.float32))
    assert codes.nbytes > LARGEST
    layout = replace(small.layouts[0], tokens=tuple(range(1200)), boxes=((0.0, 0.0, 1.0, 1.0),) * 1200, grid=(30, 40))
    seen = replace(small, attention=large, pieces=small.pieces * 100, layouts=(layout,))
    file = save_trace(seen, tmp_path / "long.trace")
    assert file.stat().st_size <= 50_000_000
    back = load_trace(file)
    for piece in (0, 99):
        allowed = 0.022 * large[piece] + 1.6e-5
        assert (np.abs(back.attention[piece] - large[piece]) <= allowed).all()
    assert back.attention[0][large[0] == 0].max() == 0


def test_another_file_is_refused_with_a_sentence(checkpoint, picture, tmp_path):
    plain = tmp_path / "notes.txt"
    plain.write_text("no trace")
    with pytest.raises(ValueError, match=r"notes.txt is no trace that can be read here: .+\.$"):
        load_trace(plain)
    weights = tmp_path / "weights.safetensors"
    save_file({"weight": np.zeros(3, np.float32)}, weights)
    with pytest.raises(ValueError, match="not written by save_trace"):
        load_trace(weights)
    forged = tmp_path / "forged.trace"
    save_file({"x": np.zeros(1, np.uint8)}, forged, metadata={"format": "playground.trace.1", "trace": json.dumps([])})
    with pytest.raises(ValueError, match="no trace that can be read"):
        load_trace(forged)
    with pytest.raises(FileNotFoundError):
        load_trace(tmp_path / "nothing.trace")


def test_numbers_are_painted_over_the_picture_they_belong_to(checkpoint, picture):
    two = ask(picture, picture.rotate(90, expand=True))
    seen = trace(load(str(checkpoint("llava_words"))), two, max_new_tokens=2)
    shares = np.zeros(seen.attention.shape[-1])
    shares[36 + 7] = 3  # second row, second column of the second picture
    assert paint(shares, seen, 0).sum() == 0
    values = paint(shares, seen, 1)
    assert values.shape == (160, 120) and values.sum() == pytest.approx(1)
    rows, columns = values.nonzero()
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (26, 53, 20, 39)
    with pytest.raises(ValueError, match="72 numbers are wanted"):
        paint(shares[:36], seen, 0)
    with pytest.raises(IndexError):
        paint(shares, seen, 2)


@pytest.mark.parametrize("name", ["moji-vlm", "moji-blip"])
def test_a_given_answer_leaves_the_trace_that_the_model_left_by_itself(name):
    scene = Image.open(examples()[0].path)
    own = trace(load(name), ask(scene, text="what is in the picture?"))
    again = trace_answer(load(name), ask(scene, text="what is in the picture?"), own.answer.text.strip())
    assert again.words == own.words and [piece.token_id for piece in again.pieces] == ids_of(own)
    np.testing.assert_allclose(again.attention[...], own.attention[...], atol=1e-4)
    np.testing.assert_allclose(likely(again), likely(own), atol=1e-4)
    assert again.pieces[0].runners_up == own.pieces[0].runners_up


@pytest.mark.parametrize("family", ["llava_words", "blip_chat", "smolvlm", "qwen2_5_vl"])
def test_an_answer_that_a_model_would_not_give_is_seen_as_one_run_over_it_sees_it(checkpoint, picture, family):
    model = load(str(checkpoint(family)))
    seen = trace_answer(model, ask(picture), "there are two dogs .")
    assert seen.answer.text.strip() == "there are two dogs ." and len(seen.words) == 5
    np.testing.assert_allclose(seen.attention[...], given(model, seen).attention, atol=1e-4)
    np.testing.assert_allclose(likely(seen), probabilities(model, seen, [[picture]])[0], atol=1e-4)


def test_what_a_model_cannot_spell_is_refused_with_a_sentence():
    with pytest.raises(CannotRepeat, match="cannot be spelled"):
        trace_answer(load("moji-vlm"), ask(Image.open(examples()[0].path)), "  ")


def ids_of(seen) -> list[int]:
    return [piece.token_id for piece in seen.pieces]


def likely(seen) -> list[float]:
    return [piece.probability for piece in seen.pieces]


def test_a_file_whose_picture_claims_another_size_is_refused(checkpoint, picture, tmp_path):
    seen = trace_picture(load(str(checkpoint("llava_words"))), picture, "what ?", max_new_tokens=1)
    forged = save_trace(replace(seen, image_sizes=((10**6, 10**6),)), tmp_path / "forged.trace")
    with pytest.raises(ValueError, match="do not have the sizes"):
        load_trace(forged)


def test_what_an_answer_took_keeps_its_names_in_files():
    took = Statistics(None, None, 3, 0.1, 0.2, 20.0, False, cache_miss_reason="It was edited.", limited=("a", "b"))
    record = json.loads(json.dumps(took.as_record()))
    assert record["cold_reason"] == "It was edited." and "cache_miss_reason" not in record
    assert Statistics.of_record(record) == took
