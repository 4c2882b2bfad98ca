"""Models on the Hub: asked before anything large moves, fetched once, and one sentence for every refusal."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hub_server
import pytest
from refusals import refusal

from playground import load
from playground.checkpoints.download import download
from playground.checkpoints.hub import ask_hub, cached_on_disk
from playground.checkpoints.plan import plan
from playground.models.loading import LoadError
from playground.models.messages import Message


@pytest.fixture(scope="module")
def models(checkpoint: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what the Hub has: own/first, and the same again under names that nobody has loaded yet."""
    folder = tmp_path_factory.mktemp("hub")
    shutil.copytree(checkpoint("llava_clip"), folder / "first")
    (folder / "first" / "pytorch_model.bin").write_bytes(b"never fetched")
    shutil.copytree(folder / "first", folder / "twice")
    shutil.copy(folder / "first" / "model.safetensors", folder / "twice" / "model.fp16.safetensors")
    shutil.copytree(folder / "first", folder / "vectors")
    (folder / "vectors" / "modules.json").write_text("[]")
    for again in ("large", "full", "filling"):
        (folder / again).symlink_to("first")
    return folder


@pytest.fixture
def hub(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[hub_server.Hub]]:
    """A Hub on this machine, and an empty cache."""
    with hub_server.serving(models) as (handler, endpoint):
        hub_server.use(monkeypatch, endpoint, tmp_path / "cache")
        yield handler


def test_a_hub_model_is_fetched_once_and_then_works_offline(hub, monkeypatch, capsys):
    import huggingface_hub.constants as constants

    assert load("own/first").generate([Message("user", "x")], max_new_tokens=2).pieces
    assert "apache-2.0" in capsys.readouterr().err
    assert "model.safetensors" in hub.requested and "pytorch_model.bin" not in hub.requested
    hub.requested.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert load("own/first", dtype="float64").generate([Message("user", "x")], max_new_tokens=2).pieces
    assert hub.requested == []


def test_weights_that_are_there_in_two_variants_are_fetched_once(hub, models):
    offer = ask_hub("own/twice")
    assert offer.spare == ("model.fp16.safetensors",) and not {*offer.spare} & {*offer.files}
    assert offer.bytes < 2 * (models / "twice" / "model.safetensors").stat().st_size
    assert load("own/twice").generate([Message("user", "x")], max_new_tokens=2).pieces
    assert "model.safetensors" in hub.requested and "model.fp16.safetensors" not in hub.requested


def test_a_model_that_makes_vectors_is_named_before_it_is_fetched(hub):
    said = refusal("own/vectors")
    assert "makes vectors" in said and "siglip2" in said
    assert hub.requested == ["config.json"]


def test_what_a_model_costs_and_its_licence_are_known_before_it_is_fetched(hub, models):
    planned = plan("own/first")
    (offer,) = planned.to_fetch
    assert offer.licence == "apache-2.0" and planned.kind == "chat"
    assert offer.bytes > (models / "first" / "model.safetensors").stat().st_size
    assert hub.requested == ["config.json"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("own/nothing", "no public model on the Hub named “own/nothing”"),
        ("HuggingFaceTB/SmolVLM256M-Instruct", "Did you mean “HuggingFaceTB/SmolVLM-256M-Instruct”?"),
        ("gated/first", "accept its licence first: do so on https://huggingface.co/gated/first"),
    ],
)
def test_an_id_that_the_hub_refuses(hub, name, says):
    assert says in refusal(name)
    assert hub.requested == []


def test_the_hub_is_asked_before_anything_large_is_fetched(hub, models):
    for name, config in (("text", '{"model_type": "llama"}'), ("strange", '{"model_type": "own"}')):
        (models / name).mkdir()
        (models / name / "config.json").write_text(config)
        (models / name / "model.safetensors").write_bytes(b"0" * 1000)
    (models / "pickled").mkdir()
    (models / "pickled" / "config.json").write_text(config)
    (models / "pickled" / "pytorch_model.bin").write_bytes(b"0")
    assert "text-only" in refusal("own/text")
    assert "which the playground cannot use" in refusal("own/strange")
    assert "only safetensors are accepted" in refusal("own/pickled")
    assert "model.safetensors" not in hub.requested


def test_a_model_too_large_for_the_memory_is_not_fetched(hub):
    hub.counted = 10**12
    said = refusal("own/large")
    assert "needs about 4600.0 GB of memory" in said and "Pick a smaller one" in said
    assert hub.requested == ["config.json"]


def test_without_network_a_hub_model_says_what_works(monkeypatch):
    import huggingface_hub.constants as constants

    said = refusal("HuggingFaceTB/SmolVLM-256M-Instruct")
    assert "cannot be reached" in said and "moji-vlm" in said and "moji-clip" in said
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    assert "cannot be reached" in refusal("somebody/something")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "[::1],fd00::/8")
    assert "ALL_PROXY is “socks5://127.0.0.1:9”: a SOCKS proxy needs" in refusal("somebody/something")


def test_a_download_tells_how_far_it_is(hub):
    hub.seconds_a_kilobyte = 0.001
    offer = ask_hub("own/first")
    steps = list(download(offer))
    done = [step.done for step in steps]
    assert done == sorted(done) and done[-1] == offer.bytes
    assert any(0 < step.done < offer.bytes for step in steps)
    assert plan("own/first").to_fetch == ()


def test_a_cancelled_download_ends_at_once_and_leaves_nothing_half(hub):
    hub.seconds_a_kilobyte = 0.05
    steps = download(ask_hub("own/first"))
    folder = ask_hub("own/first").folder.parents[1]
    while "model.safetensors" not in hub.requested:
        next(steps)
    assert list(folder.rglob("*.incomplete"))
    start = time.monotonic()
    steps.close()
    assert time.monotonic() - start < 4
    assert not list(folder.rglob("*.incomplete")), "a half-written file stays on the disk"
    assert cached_on_disk("own/first") is None
    hub.seconds_a_kilobyte = 0.0
    hub.requested.clear()
    list(download(ask_hub("own/first")))
    assert "model.safetensors" in hub.requested and "tokenizer.json" not in hub.requested, "what came whole is kept"


def test_a_download_that_the_hub_breaks_off(hub, models):
    offer = ask_hub("own/first")
    hub.models = models / "gone"
    with pytest.raises(LoadError, match="no public model on the Hub"):
        list(download(offer))


def test_a_disk_without_room(hub, monkeypatch):
    offer = ask_hub("own/full")
    few = shutil.disk_usage(offer.folder)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: few)
    with pytest.raises(LoadError, match="not enough room on the disk.*HF_HOME"):
        next(download(offer))
    assert "not enough room on the disk" in refusal("own/full")


def test_a_disk_that_fills_up_while_the_files_come(hub, monkeypatch):
    import huggingface_hub.file_download as client

    if not Path("/dev/full").exists():
        pytest.skip("this system has no full device")
    get = client.http_get

    def to_a_full_disk(url, temp_file, **options):
        with open("/dev/full", "wb", buffering=0) as full:
            get(url, full, **options)

    monkeypatch.setattr(client, "http_get", to_a_full_disk)
    said = refusal("own/filling")
    assert "not enough room on the disk" in said and "filled up" in said and "hf cache" in said


def test_an_adapter_on_the_hub_brings_its_base(hub, models, checkpoint):
    from peft import LoraConfig, get_peft_model
    from transformers import LlavaForConditionalGeneration

    model = LlavaForConditionalGeneration.from_pretrained(checkpoint("llava_clip"))
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
    adapted.save_pretrained(models / "adapter")
    config = models / "adapter" / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "base_model_name_or_path": "own/first"}))
    assert [offer.hub_id for offer in plan("own/adapter").to_fetch] == ["own/adapter", "own/first"]
    question = [Message("user", "x")]
    adapted, plain = load("own/adapter").generate(question), load("own/first").generate(question)
    assert adapted.pieces[0].probability != plain.pieces[0].probability
    assert plan("own/adapter").to_fetch == ()
