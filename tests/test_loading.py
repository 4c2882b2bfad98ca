"""A name becomes a model, or one sentence says why it cannot; nothing is loaded that is not whole and safe."""

from __future__ import annotations

import gc
import json
import shutil
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from playground import load
from playground.models.catalog import CATALOG, find, of_kind
from playground.models.chat import ChatModel, Message
from playground.models.embedding import EmbeddingModel
from playground.models.loading import LoadError
from playground.models.segmentation import SegmentationModel


@pytest.fixture
def copy(checkpoint, tmp_path) -> Path:
    """A LLaVA checkpoint of one's own, to damage."""
    return Path(shutil.copytree(checkpoint("llava_clip"), tmp_path / "damaged"))


def refusal(name: str | Path) -> str:
    with pytest.raises(LoadError) as refused:
        load(str(name))
    return str(refused.value)


@pytest.mark.parametrize("family", ["llava_clip", "smolvlm", "idefics3", "qwen2_5_vl"])
def test_chat_families_load(checkpoint, family):
    model = load(str(checkpoint(family)))
    assert isinstance(model, ChatModel) and model.attention_reason is None
    assert not model.model.training and model.model.dtype == torch.float32


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_encoder_families_load(checkpoint, family):
    assert isinstance(load(str(checkpoint(family))), EmbeddingModel)


def test_segmentation_loads(checkpoint):
    assert isinstance(load(str(checkpoint("clipseg"))), SegmentationModel)


def test_one_copy_serves_everybody(checkpoint):
    found: list[ChatModel] = []
    name = str(checkpoint("llava_siglip"))
    loaders = [threading.Thread(target=lambda: found.append(load(name))) for _ in range(4)]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join()
    assert len(found) == 4 and len({id(model) for model in found}) == 1
    half = load(name, dtype="bfloat16")
    assert half is not found[0] and half is load(name, dtype=torch.bfloat16)
    assert half.generate([Message("user", "x", (Image.new("RGB", (9, 9)),))], max_new_tokens=2).pieces


def test_the_latest_large_model_takes_the_place_of_the_one_before(checkpoint):
    first, segmenter = load(str(checkpoint("llava_clip"))), load(str(checkpoint("clipseg")))
    gone = weakref.ref(first)
    del first
    load(str(checkpoint("smolvlm")))
    gc.collect()
    assert gone() is None, "a model that nobody uses stays in memory"
    assert load(str(checkpoint("clipseg"))) is segmenter, "one of each kind stays"


def test_the_catalogue_says_what_each_model_is():
    assert len({entry.name for entry in CATALOG}) == len(CATALOG)
    assert {entry.name for entry in CATALOG if entry.embedded} == {"moji-vlm", "moji-clip", "moji-clipseg"}
    for entry in CATALOG:
        assert entry.licence and entry.knows and entry.memory_mb > 0
        assert (entry.download_mb == 0) == entry.embedded
    assert of_kind("chat")[0].name == "moji-vlm" and find("smolvlm-256m-instruct") is find(CATALOG[1].source)
    assert find("nobody") is None


def test_an_unknown_name_gets_a_suggestion():
    assert "Did you mean “SmolVLM-256M-Instruct”?" in refusal("smolvm-256M")
    for name in ("moji", "", "a/b/c", "/no/such/folder", "../nowhere", "~nobody-lives-here", "x\0y", "x" * 50_000):
        said = refusal(name)
        assert len(said) < 500
        assert said.startswith("There is no model named") and "moji-vlm" in said


def test_a_folder_that_is_no_model(tmp_path, copy):
    assert "holds no config.json" in refusal(tmp_path)
    (copy / "config.json").write_text("{")
    assert "not valid JSON" in refusal(copy)
    (copy / "config.json").write_text("[]")
    assert "names no model_type" in refusal(copy)


def test_pickled_weights_are_never_opened(copy):
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    assert "model.safetensors is missing" in refusal(copy)
    torch.save(weights, copy / "pytorch_model.bin")
    assert "can run code when it is opened" in refusal(copy)


def test_a_missing_tensor_is_not_made_up(copy):
    weights = load_file(copy / "model.safetensors")
    gone = next(key for key in weights if "multi_modal_projector" in key)
    save_file({key: value for key, value in weights.items() if key != gone}, copy / "model.safetensors")
    said = refusal(copy)
    assert "1 missing" in said and "multi_modal_projector" in said


def test_a_tensor_of_another_shape_is_refused(copy):
    weights = load_file(copy / "model.safetensors")
    wrong = next(key for key in weights if "multi_modal_projector" in key and weights[key].ndim == 2)
    save_file({**weights, wrong: weights[wrong][:-1].contiguous()}, copy / "model.safetensors")
    said = refusal(copy)
    assert "1 mismatched" in said and "multi_modal_projector" in said


def test_files_that_are_not_there_in_full(copy):
    whole = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    assert "cannot be read" in refusal(copy)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (copy / "model.safetensors").write_text(pointer)
    assert "git lfs pull" in refusal(copy)
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    (copy / "model-00001-of-00002.safetensors").write_bytes(whole)
    assert "model-00002-of-00002.safetensors are missing" in refusal(copy)


def test_models_that_cannot_see_are_refused(checkpoint, copy):
    assert "text-only language model" in refusal(checkpoint("text_only"))
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "model_type": "own", "auto_map": {"AutoModel": "x.Y"}}))
    (copy / "x.py").write_text("raise SystemExit('this must never run')")
    assert "never run here" in refusal(copy)


def test_a_chat_model_without_template_is_refused(copy):
    (copy / "chat_template.jinja").unlink()
    assert "no chat template" in refusal(copy)


def test_without_network_a_hub_model_says_what_works(monkeypatch):
    import huggingface_hub.constants as hub

    said = refusal("HuggingFaceTB/SmolVLM-256M-Instruct")
    assert "cannot be reached" in said and "moji-vlm, moji-clip, moji-clipseg" in said
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    assert "cannot be reached" in refusal("somebody/something")


class _Hub(BaseHTTPRequestHandler):
    """As much of the Hub's interface as a download needs: every model of the owner `own` is `folder`."""

    folder: Path
    commit = "c0ffee" * 6 + "cafe"
    fetched: list[str] = []

    def do_HEAD(self) -> None:  # noqa: N802
        self.do_GET()

    def do_GET(self) -> None:  # noqa: N802
        path = urlsplit(self.path).path
        files = sorted(file.name for file in self.folder.iterdir())
        if path.startswith("/own/") and path.rpartition("/")[2] in files:
            body = (self.folder / path.rpartition("/")[2]).read_bytes()
            self.fetched.append(path.rpartition("/")[2])
        elif path.startswith("/api/models/own/") and "/tree/" in path:
            tree = [{"type": "file", "path": f, "size": (self.folder / f).stat().st_size, "oid": f} for f in files]
            body = json.dumps(tree).encode()
        elif path.startswith("/api/models/own/"):
            siblings = [{"rfilename": file} for file in files]
            body = json.dumps(
                {"id": path.removeprefix("/api/models/"), "sha": self.commit, "siblings": siblings}
            ).encode()
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", self.commit)
        self.send_header("ETag", f'"{path.rpartition("/")[2]}"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def hub(copy, tmp_path, monkeypatch) -> Iterator[type[_Hub]]:
    """A Hub on this machine that has models of one owner, and an empty cache."""
    import huggingface_hub.constants as constants

    _Hub.folder, _Hub.fetched = copy, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield _Hub
    server.shutdown()


def test_a_hub_model_is_fetched_once_and_then_works_offline(hub, monkeypatch):
    import huggingface_hub.constants as constants

    (hub.folder / "pytorch_model.bin").write_bytes(b"never fetched")
    assert load("own/first").generate([Message("user", "x")], max_new_tokens=2).pieces
    assert "model.safetensors" in hub.fetched and "pytorch_model.bin" not in hub.fetched
    hub.fetched.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert load("own/first", dtype="float64").generate([Message("user", "x")], max_new_tokens=2).pieces
    assert hub.fetched == []


def test_the_hub_is_asked_before_anything_large_is_fetched(hub):
    assert "no public model" in refusal("other/model")
    (hub.folder / "model.safetensors").rename(hub.folder / "pytorch_model.bin")
    assert "only safetensors are accepted" in refusal("own/second")
    (hub.folder / "pytorch_model.bin").rename(hub.folder / "model.safetensors")
    (hub.folder / "config.json").write_text('{"model_type": "llama"}')
    assert "text-only" in refusal("own/second")
    assert "model.safetensors" not in hub.fetched


def test_importing_the_package_is_light():
    code = (
        "import sys, playground, playground.models.loading, playground.models.chat, playground.models.layout, "
        "playground.models.embedding, playground.models.segmentation, playground.inside.trace; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'gradio')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1]).returncode == 0


def test_torch_and_torchvision_belong_together():
    """Builds of different kinds break every vision class of transformers, with a message that names neither."""
    import torchvision

    kept = torchvision.ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 2), torch.tensor([0.5, 0.9]), 0.5)
    assert kept.tolist() == [1]
