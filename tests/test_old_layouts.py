"""Checkpoints whose files are older, fewer or otherwise named than those that are saved today."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from refusals import refusal

from playground import load
from playground.checkpoints.catalog import find
from playground.models.chat import ChatModel
from playground.models.detection import DetectionModel
from playground.models.embedding import EmbeddingModel
from playground.models.messages import Message
from playground.models.segmentation import SegmentationModel

PICTURE = Image.effect_noise((90, 60), 90).convert("RGB")
ASKED = [Message("user", "what is this ?", (PICTURE,))]


def edit(file: Path, **changes: object) -> None:
    """Change keys of a JSON file; None takes one away."""
    told = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps({key: value for key, value in told.items() if value is not None}))


@pytest.fixture
def copy(checkpoint: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A checkpoint of this name of one's own."""
    return lambda name: Path(shutil.copytree(checkpoint(name), tmp_path / name))


def aged(folder: Path, named: str | None = None) -> Path:
    """The layout before there was a processor_config.json; `named`: the processor class that its files name."""
    held = json.loads((folder / "processor_config.json").read_text())
    (folder / "processor_config.json").unlink()
    pictures = {**held["image_processor"], "processor_class": named or held["processor_class"]}
    (folder / "preprocessor_config.json").write_text(json.dumps(pictures))
    if named and (folder / "tokenizer_config.json").is_file():
        edit(folder / "tokenizer_config.json", processor_class=named)
    return folder


def used(model: object) -> object:
    """What its main verb gives."""
    if isinstance(model, ChatModel):
        return [piece.token_id for piece in model.generate(ASKED, max_new_tokens=4).pieces]
    if isinstance(model, EmbeddingModel):
        return model.embed_images([PICTURE]).tolist(), model.embed_texts(["a dog"]).tolist()
    if isinstance(model, DetectionModel):
        found = model.detect(PICTURE, ["a dog"], threshold=0.0)
        return sorted((round(each.score, 4), [round(side, 2) for side in each.box]) for each in found)
    assert isinstance(model, SegmentationModel)
    found = model.segment_at(PICTURE, [(5, 5)]) if model.words_reason else model.segment(PICTURE, ["a dog"])
    return found.logits.tolist()


OLD = ("llava_clip", "llava_next", "llava_onevision", "smolvlm", "internvl", "gemma3", "qwen3_vl", "paligemma")
OLD_ENCODERS = ("clip", "clipseg", "sam", "sam2_video", "owlv2", "grounding_dino")


NAMED = [
    *((family, None) for family in (*OLD, *OLD_ENCODERS)),
    *((family, "GroundingDINOProcessor") for family in ("grounding_dino", "smolvlm", "sam2_video")),
    *((family, "CLIPProcessor") for family in ("llava_clip", "gemma3", "sam", "clipseg")),
]


@pytest.mark.parametrize(("family", "named"), NAMED)
def test_what_the_processor_has_to_know_is_found_elsewhere(checkpoint, copy, family, named):
    """In the config, and by the model's type where the files name a class that is none, or another family's."""
    assert used(load(str(aged(copy(family), named)))) == used(load(str(checkpoint(family))))


def test_an_image_processor_of_an_unknown_class(checkpoint, copy):
    folder = aged(copy("grounding_dino"), "GroundingDINOProcessor")
    edit(folder / "preprocessor_config.json", image_processor_type="GroundingDINOImageProcessor")
    config = json.loads((folder / "config.json").read_text())
    edit(folder / "config.json", text_config={**config["text_config"], "model_type": "grounding-dino-text-prenet"})
    assert used(load(str(folder))) == used(load(str(checkpoint("grounding_dino"))))


def test_a_tokenizer_of_vocabulary_and_merges(checkpoint, copy):
    """As files were before tokenizer.json, with the template in chat_template.json."""
    folder = copy("qwen2_5_vl")
    whole = json.loads((folder / "tokenizer.json").read_text())
    (folder / "vocab.json").write_text(json.dumps(whole["model"]["vocab"]))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in whole["model"]["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    added = {str(token["id"]): {k: v for k, v in token.items() if k != "id"} for token in whole["added_tokens"]}
    edit(folder / "tokenizer_config.json", tokenizer_class="Qwen2Tokenizer", added_tokens_decoder=added)
    (folder / "tokenizer.json").unlink()
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    (folder / "chat_template.jinja").unlink()
    model, today = load(str(folder)), load(str(checkpoint("qwen2_5_vl")))
    assert model.prepare(ASKED)["input_ids"].tolist() == today.prepare(ASKED)["input_ids"].tolist()
    assert model.notes == today.notes


@pytest.mark.parametrize("family", ["llava_clip", "smolvlm", "qwen2_5_vl", "internvl", "gemma3"])
def test_a_base_model_reads_a_message_as_it_stands(copy, family):
    folder = copy(family)
    (folder / "chat_template.jinja").unlink()
    model = load(str(folder))
    assert any("no chat template" in note for note in model.notes)
    text = model.processor.tokenizer.decode(model.prepare(ASKED)["input_ids"][0])
    assert text.rstrip().endswith("what is this ?") and "user" not in text.lower()
    assert model.generate(ASKED, max_new_tokens=2).pieces and model.limits.turns is False
    assert model.likelihoods(ASKED, ["two", "no"])


MISSING: dict[str, tuple[str, tuple[str, ...], str]] = {
    "no tokenizer": ("smolvlm", ("tokenizer.json",), "holds no tokenizer: copy tokenizer.json"),
    "nothing of a tokenizer": ("clip", ("tokenizer.json", "tokenizer_config.json"), "holds no tokenizer"),
    "nothing for pictures": ("llava_clip", ("processor_config.json",), "holds no preprocessor_config.json"),
    "no pictures for clicks": ("sam", ("processor_config.json",), "holds no preprocessor_config.json"),
}


@pytest.mark.parametrize("case", MISSING)
def test_what_is_missing_is_named(copy, case):
    family, files, says = MISSING[case]
    folder = copy(family)
    for file in files:
        (folder / file).unlink()
    assert says in refusal(folder)


def test_files_that_hold_too_little(copy):
    folder = copy("llava_clip")
    edit(folder / "processor_config.json", image_processor=None)
    assert "has no image_processor" in refusal(folder)
    (folder / "processor_config.json").write_text("{")
    assert "processor_config.json" in refusal(folder) and "not valid JSON" in refusal(folder)


def test_a_tokenizer_of_no_words_or_of_another_model(copy):
    folder = copy("llava_clip")
    whole = json.loads((folder / "tokenizer.json").read_text())
    empty = {**whole, "model": {**whole["model"], "vocab": {}, "merges": []}}
    (folder / "tokenizer.json").write_text(json.dumps(empty))
    assert "knows no words" in refusal(folder)
    (folder / "tokenizer.json").write_text(json.dumps(whole))
    edit(folder / "config.json", image_token_index=77, image_token_id=77)
    said = refusal(folder)
    assert "does not mark where a picture stands: the model looks for token 77" in said


def test_a_part_of_a_type_that_is_not_known(copy):
    folder = copy("llava_clip")
    config = json.loads((folder / "config.json").read_text())
    edit(folder / "config.json", text_config={**config["text_config"], "model_type": "tomorrow"})
    said = refusal(folder)
    assert "text_config" in said and "“tomorrow”" in said and len(said) < 400
    edit(folder / "config.json", text_config={**config["text_config"], "hidden_size": "wide"})
    assert "config.json of" in refusal(folder) and "hidden_size" in refusal(folder)


LAYOUTS: dict[str, tuple[dict, str]] = {
    "microsoft/Florence-2-base": (
        {"model_type": "florence2", "vision_config": {"model_type": "davit"}, "projection_dim": 768},
        "florence-community/Florence-2-base:",
    ),
    "microsoft/Florence-2-large-ft": (
        {"model_type": "florence2", "vision_config": {"model_type": "davit"}, "projection_dim": 1024},
        "florence-community/Florence-2-large-ft",
    ),
    "somebody/our-fine-tune": (
        {"model_type": "florence2", "vision_config": {"dim_embed": [256, 512, 1024, 2048], "projection_dim": 1024}},
        "florence-community/Florence-2-large",
    ),
    "OpenGVLab/InternVL3-14B": ({"model_type": "internvl_chat"}, "OpenGVLab/InternVL3-14B-hf"),
    "OpenGVLab/InternVL3_5-4B": ({"model_type": "internvl_chat"}, "OpenGVLab/InternVL3_5-4B-HF"),
    "OpenGVLab/Mini-InternVL": ({"model_type": "internvl_chat"}, "OpenGVLab/InternVL3-1B-hf"),
    "deepseek-ai/Janus-Pro-7B": (
        {"model_type": "multi_modality", "gen_vision_config": {}},
        "deepseek-community/Janus-Pro-7B",
    ),
    "deepseek-ai/deepseek-vl-1.3b-chat": (
        {"model_type": "multi_modality"},
        "deepseek-community/deepseek-vl-1.3b-chat",
    ),
    "liuhaotian/llava-v1.5-7b": ({"model_type": "llava", "mm_vision_tower": "clip"}, "llava-hf/llava-1.5-7b-hf"),
    "vikhyatk/moondream2": ({"model_type": "moondream1"}, "SmolVLM2"),
    "openbmb/MiniCPM-V-2": ({"model_type": "minicpmv"}, "openbmb/MiniCPM-V-4.6"),
    "allenai/Molmo-7B-D-0924": ({"model_type": "molmo"}, "allenai/Molmo2-4B"),
    "vidore/colqwen": ({"model_type": "qwen3_vl", "architectures": ["ColQwen3"]}, "page search model"),
    "some/reward": ({"model_type": "qwen2_vl", "architectures": ["Qwen2VLForSequenceClassification"]}, "a classifier"),
    "mlx/copy": ({"model_type": "qwen3_vl", "quantization": {"bits": 4, "group_size": 64}}, "Apple's MLX"),
    "some/awq": (
        {"model_type": "qwen2_5_vl", "quantization_config": {"quant_method": "awq"}},
        "pip install gptqmodel",
    ),
    "some/own": ({"model_type": "qwen2_5_vl", "quantization_config": {"quant_method": "own"}}, "quantised by “own”"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_that_cannot_be_loaded_names_what_can(tmp_path, name):
    """Told from the config, with nothing else there: before anything large is fetched."""
    config, says = LAYOUTS[name]
    folder = tmp_path / name.rpartition("/")[2]
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "x.Y"}, **config}))
    said = refusal(folder)
    assert says.rstrip(":") in said and "damaged" not in said


OTHERS = {
    "model-Q4_K_M.gguf": "GGUF, for llama.cpp and Ollama",
    "model.onnx": "ONNX Runtime",
    "consolidated.safetensors": "Mistral's own layout",
    "tf_model.h5": "TensorFlow",
    "flax_model.msgpack": "Flax",
    "pytorch_model.bin": "can run code when it is opened",
}


@pytest.mark.parametrize("file", OTHERS)
def test_weights_for_other_programs_are_named(copy, file):
    folder = copy("llava_clip")
    (folder / "model.safetensors").rename(folder / file)
    assert OTHERS[file] in refusal(folder)
    if not file.endswith(".bin"):
        (folder / "config.json").unlink()
        assert OTHERS[file] in refusal(folder)


@pytest.mark.parametrize("sharded", [False, True])
def test_weights_of_a_variant_are_read(checkpoint, copy, sharded):
    folder = copy("llava_clip")
    if sharded:
        load_sharded = load(str(checkpoint("llava_clip"))).model
        (folder / "model.safetensors").unlink()
        load_sharded.save_pretrained(folder, variant="fp16", max_shard_size="200KB")
        assert (folder / "model.safetensors.index.fp16.json").is_file()
    else:
        (folder / "model.safetensors").rename(folder / "model.fp16.safetensors")
    assert used(load(str(folder))) == used(load(str(checkpoint("llava_clip"))))


def test_a_format_of_numbers_that_torch_does_not_know_is_of_no_matter(checkpoint, copy):
    """The device decides the format of the weights."""
    folder = copy("llava_clip")
    edit(folder / "config.json", dtype=None, torch_dtype="torch.bfloat16")
    assert used(load(str(folder))) == used(load(str(checkpoint("llava_clip"))))


def test_a_tokenizer_that_no_package_here_reads(copy):
    folder = copy("llava_clip")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.model").write_bytes(b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02")
    edit(folder / "tokenizer_config.json", tokenizer_class="LlamaTokenizer")
    assert "copy tokenizer.json" in refusal(folder)


def test_a_model_type_that_is_no_text(copy):
    folder = copy("clip")
    edit(folder / "config.json", model_type=["clip"])
    assert "names no model_type" in refusal(folder)


def test_a_model_without_its_output_head_says_what_it_is(copy):
    from safetensors.torch import load_file, save_file

    folder = copy("qwen3_vl")
    weights = load_file(folder / "model.safetensors")
    assert "lm_head.weight" in weights
    save_file({key: value for key, value in weights.items() if key != "lm_head.weight"}, folder / "model.safetensors")
    said = refusal(folder)
    assert "has no output head" in said and "vectors" in said and "damaged" not in said


def test_a_folder_named_as_an_entry_of_the_catalogue(checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(checkpoint("clip"), tmp_path / "moji-clip")
    model = load("moji-clip")
    assert model.entry is find("moji-clip") and any("say ./moji-clip" in note for note in model.notes)
    assert load("./moji-clip").entry is None and load("./moji-clip").notes == ()
