"""What a checkpoint's generation_config.json may decide, and what is left aside and told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from playground import load
from playground.checkpoints.generation_settings import allowed, read_settings
from playground.models.chat import ChatModel
from playground.models.generation.image_features import ImageFeatureCache
from playground.models.messages import Message

PICTURES = tuple(Image.effect_noise((64, 48), 60 + 30 * turn).convert("RGB") for turn in range(2))
FIRST = [Message("user", "what is this ?", (PICTURES[0],))]

# What people found in files of their fine-tunes; each made a verb fail, or answer wrongly, before it was left aside.
SET_ASIDE = {
    "use_cache": False,
    "num_return_sequences": 3,
    "num_beams": 4,
    "num_beam_groups": 2,
    "diversity_penalty": 0.5,
    "early_stopping": True,
    "prompt_lookup_num_tokens": 4,
    "assistant_early_exit": 2,
    "penalty_alpha": 0.6,
    "dola_layers": "high",
    "encoder_repetition_penalty": 1.3,
    "guidance_scale": 1.5,
    "constraints": [1],
    "force_words_ids": [[5]],
    "watermarking_config": {"bias": 2.0},
    "cache_implementation": "quantized",
    "cache_config": {"backend": "quanto"},
    "return_dict_in_generate": True,
    "output_scores": True,
    "output_attentions": True,
    "output_hidden_states": True,
    "output_logits": True,
    "min_length": 900,
    "min_new_tokens": 900,
    "max_time": 0.001,
    "compile_config": {"mode": "reduce-overhead"},
    "token_healing": True,
    "prefill_chunk_size": 7,
    "sequence_bias": [[[5], -10.0]],
    "exponential_decay_length_penalty": [1, 1.5],
    "renormalize_logits": True,
    "a_setting_of_tomorrow": 1,
}


def with_settings(folder: Path, place: Path, told: object) -> Path:
    """A copy of a checkpoint whose generation_config.json says this."""
    shutil.copytree(folder, place)
    text = told if isinstance(told, str) else json.dumps(told)
    (place / "generation_config.json").write_text(text)
    return place


def drive(model: ChatModel) -> dict[str, object]:
    """What every verb says: alone, continued, side by side, of given answers, of several answers."""
    talk, seen = model.conversation(), ImageFeatureCache()
    first = model.generate(FIRST, max_new_tokens=5, conversation=talk, seen=seen)
    second = [*FIRST, Message("assistant", first.text), Message("user", "and this ?", (PICTURES[1],))]
    warm = model.generate(second, max_new_tokens=5, conversation=talk, seen=seen)
    cold = model.generate(second, max_new_tokens=5)
    assert [piece.token_id for piece in warm.pieces] == [piece.token_id for piece in cold.pieces]
    assert warm.statistics.reused_tokens
    batch = model.generate_batch([model.prepare(FIRST), model.prepare(second)], max_new_tokens=5)
    assert batch == [first.text, cold.text]
    likely = model.likelihoods(FIRST, ["a dog", "two"], conversation=talk)
    assert [each.log_probability for each in likely] == pytest.approx(
        [each.log_probability for each in model.likelihoods(FIRST, ["a dog", "two"])], abs=1e-4
    )
    streamed = "".join(piece.text for piece in model.stream(FIRST, max_new_tokens=5, temperature=0.5))
    assert isinstance(streamed, str)
    return {
        "answer": [piece.token_id for piece in first.pieces],
        "second": cold.text,
        "likelihoods": [round(each.log_probability, 3) for each in likely],
        "candidates": [each.text for each in model.candidates(FIRST, count=3, max_new_tokens=3)],
    }


@pytest.fixture(scope="module")
def plain(checkpoint: Callable[[str], Path]) -> dict[str, object]:
    return drive(load(str(checkpoint("smolvlm"))))


def test_what_is_set_aside_changes_nothing_and_is_told(checkpoint, tmp_path, plain):
    own = json.loads((checkpoint("smolvlm") / "generation_config.json").read_text())
    model = load(str(with_settings(checkpoint("smolvlm"), tmp_path / "copy", {**own, **SET_ASIDE})))
    assert drive(model) == plain
    (note,) = (note for note in model.notes if note.startswith("Left aside"))
    assert "use_cache false" in note and all(name in note for name in SET_ASIDE)


@pytest.mark.parametrize("family", ["smolvlm", "llava_clip", "qwen2_5_vl"])
def test_no_cache_in_any_file_of_a_checkpoint(checkpoint, tmp_path, family):
    """Every place that says so: the generation settings, the config, its parts."""
    folder = with_settings(checkpoint(family), tmp_path / "copy", {"use_cache": False, "eos_token_id": 2})
    config = json.loads((folder / "config.json").read_text())
    config |= {"use_cache": False, "return_dict": False, "output_hidden_states": True, "output_attentions": True}
    config["text_config"] |= {"use_cache": False, "attn_implementation": "flash_attention_2"}
    (folder / "config.json").write_text(json.dumps({**config, "attn_implementation": "flash_attention_2"}))
    model = load(str(folder))
    assert model.attention_reason is None
    drive(model)


def test_no_settings_or_none_that_can_be_read_are_those_of_the_config(checkpoint, tmp_path, plain):
    for place, text in enumerate(("{", "[]", "")):
        model = load(str(with_settings(checkpoint("smolvlm"), tmp_path / str(place), text)))
        assert drive(model)["candidates"] == plain["candidates"]
    (tmp_path / "0" / "generation_config.json").unlink()
    assert load(str(tmp_path / "0")).generate(FIRST, max_new_tokens=2).pieces


def test_stop_strings_end_an_answer_in_every_verb(checkpoint, tmp_path, plain):
    whole = load(str(checkpoint("smolvlm"))).generate(FIRST, max_new_tokens=5)
    stop = whole.pieces[1].text[-1]
    folder = with_settings(checkpoint("smolvlm"), tmp_path / "copy", {"stop_strings": [stop], "eos_token_id": 2})
    model = load(str(folder))
    short = model.generate(FIRST, max_new_tokens=5)
    assert len(short.pieces) == 2 and short.text.endswith(stop) and not short.statistics.stopped
    assert "".join(piece.text for piece in model.stream(FIRST, max_new_tokens=5)) == short.text
    assert model.generate_batch([model.prepare(FIRST)], max_new_tokens=5) == [short.text]
    assert model.candidates(FIRST, count=2, max_new_tokens=3)
    likely = [round(each.log_probability, 3) for each in model.likelihoods(FIRST, ["a dog", f"two{stop}dogs"])]
    assert likely[0] == plain["likelihoods"][0]


def test_rules_about_tokens_hold_for_answers_and_not_for_likelihoods(checkpoint, tmp_path, plain):
    first = plain["answer"][0]
    rules = {"suppress_tokens": [first], "bad_words_ids": [[first]], "begin_suppress_tokens": [first]}
    model = load(str(with_settings(checkpoint("smolvlm"), tmp_path / "copy", {**rules, "repetition_penalty": 2})))
    assert first not in [piece.token_id for piece in model.generate(FIRST, max_new_tokens=5).pieces]
    likely = model.likelihoods(FIRST, ["a dog", "two"])
    assert [round(each.log_probability, 3) for each in likely] == plain["likelihoods"]


def test_a_forced_first_token_is_the_matter_of_decoders_behind_an_encoder(checkpoint, tmp_path, plain):
    model = load(str(with_settings(checkpoint("smolvlm"), tmp_path / "copy", {"forced_bos_token_id": 9})))
    assert [piece.token_id for piece in model.generate(FIRST, max_new_tokens=5).pieces] == plain["answer"]
    likely = model.likelihoods(FIRST, ["a dog", "two"])
    assert [round(each.log_probability, 3) for each in likely] == plain["likelihoods"]


WRONG = {
    "repetition_penalty": ("high", 0, -1, True, [], "1.1"),
    "eos_token_id": ("</s>", [None], True, -5, {}),
    "bad_words_ids": ([[]], [3], "no", 4),
    "suppress_tokens": (["a"], 4, [-1]),
    "no_repeat_ngram_size": (-1, "two", 2.5),
    "stop_strings": ([1], 5, [""]),
    "forced_bos_token_id": ("<s>", -3),
}


@pytest.mark.parametrize("name", WRONG)
def test_values_that_mean_nothing_are_told(name):
    for value in WRONG[name]:
        settings = allowed({name: value})
        assert name not in settings.used and settings.stop_strings == ()
        assert settings.notes and name in settings.notes[0] and "Not usable" in settings.notes[0], value


def test_a_penalty_on_repetition_is_the_same_side_by_side(checkpoint, tmp_path):
    """The shorter prompt is filled up, and what fills it must not count as said."""
    from transformers import AutoTokenizer

    ends = AutoTokenizer.from_pretrained(checkpoint("llava_clip")).encode("dogs", add_special_tokens=False)[:1]
    told = {"repetition_penalty": 1.9, "pad_token_id": ends[0], "eos_token_id": 2}
    model = load(str(with_settings(checkpoint("llava_clip"), tmp_path / "copy", told)))
    long = [Message("user", "how many dogs are there ? " * 4, (PICTURES[1],))]
    alone = [model.generate(talk, max_new_tokens=8).text for talk in (FIRST, long)]
    assert model.generate_batch([model.prepare(talk) for talk in (FIRST, long)], max_new_tokens=8) == alone


def test_values_are_taken_for_what_they_mean():
    told = {"repetition_penalty": 2, "eos_token_id": [5, 6], "no_repeat_ngram_size": 3.0, "stop_strings": "###"}
    settings = allowed(told)
    assert settings.used == {
        "repetition_penalty": 2.0,
        "eos_token_id": [5, 6],
        "no_repeat_ngram_size": 3,
        "use_cache": True,
    }
    assert settings.stop_strings == ("###",) and settings.notes == ()


def test_a_file_of_defaults_says_nothing(tmp_path):
    from transformers import GenerationConfig

    GenerationConfig(eos_token_id=2).save_pretrained(tmp_path)
    assert read_settings(tmp_path).notes == ()
    old = {
        "num_beams": 1,
        "diversity_penalty": 0.0,
        "length_penalty": 1.0,
        "top_k": 50,
        "use_cache": True,
        "do_sample": False,
    }
    old |= {"min_length": 0, "max_length": 20, "typical_p": 1.0, "bad_words_ids": None, "num_return_sequences": 1}
    assert allowed(old).notes == ()


def test_a_token_that_the_model_does_not_have_is_no_setting(checkpoint, tmp_path):
    told = {"pad_token_id": 10**6, "bad_words_ids": [[10**6]], "suppress_tokens": [10**6], "eos_token_id": 2}
    model = load(str(with_settings(checkpoint("llava_clip"), tmp_path / "copy", told)))
    assert model.generate(FIRST, max_new_tokens=3).pieces and model.candidates(FIRST, count=2, max_new_tokens=2)


def test_sampling_is_chosen_here_and_that_is_told(checkpoint, tmp_path):
    told = {"do_sample": True, "temperature": 0.1, "top_p": 0.001, "top_k": 1, "eos_token_id": 2}
    model = load(str(with_settings(checkpoint("llava_clip"), tmp_path / "copy", told)))
    assert any("Sampling is chosen here" in note and "temperature 0.1" in note for note in model.notes)
    assert model.generate(FIRST, max_new_tokens=3, temperature=1.5).pieces
