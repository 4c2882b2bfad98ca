"""Given this machine, that choice: device, number format, spreading, and clear words when a model does not fit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from refusals import refusal
from safetensors.torch import load_file, save_file

from playground import load
from playground.checkpoints import device
from playground.checkpoints.catalog import find
from playground.checkpoints.device import DoesNotFit, Machine, Placement, place
from playground.checkpoints.files import LoadError

GB = 10**9
CPU = Machine(memory=16 * GB)
QUICK_CPU = Machine(memory=16 * GB, fast_bfloat16=lambda: True)
MAC = Machine(memory=16 * GB, mps=True)
OLD_GPU = Machine(memory=32 * GB, gpus=(15 * GB,), capability=7)
GPU = Machine(memory=32 * GB, gpus=(24 * GB,), capability=8)
TWO_GPUS = Machine(memory=64 * GB, gpus=(24 * GB, 24 * GB), capability=9)


@pytest.mark.parametrize(
    ("machine", "billions", "options", "choice"),
    [
        (CPU, 0.5, {}, Placement("cpu", "float32")),
        (QUICK_CPU, 0.5, {}, Placement("cpu", "bfloat16")),
        (QUICK_CPU, 0.5, {"embedded": True}, Placement("cpu", "float32")),
        (QUICK_CPU, 0.5, {"kind": "embed"}, Placement("cpu", "float32")),
        (QUICK_CPU, 0.5, {"dtype": "float32"}, Placement("cpu", "float32")),
        (CPU, 4, {}, Placement("cpu", "bfloat16")),  # no room for float32
        (MAC, 2, {}, Placement("mps", "bfloat16")),
        (OLD_GPU, 2, {}, Placement("cuda", "float16")),
        (GPU, 7, {}, Placement("cuda", "bfloat16")),
        (GPU, 0.1, {"kind": "segment"}, Placement("cuda", "float32")),
        (GPU, 2, {"device": "cpu", "dtype": torch.bfloat16}, Placement("cpu", "bfloat16")),
        (GPU, 13, {}, Placement("cuda", "bfloat16", spread=True)),
        (GPU, 25, {"four_bit": True}, Placement("cuda", "bfloat16", four_bit=True)),
        (TWO_GPUS, 7, {"device": "cuda:1"}, Placement("cuda:1", "bfloat16")),
        (TWO_GPUS, 18, {}, Placement("cuda", "bfloat16", spread=True)),
    ],
)
def test_a_machine_and_what_is_chosen_on_it(machine, billions, options, choice):
    kind = options.pop("kind", "chat")
    assert place("model", int(billions * GB), machine, kind, **options) == choice


@pytest.mark.parametrize(
    ("machine", "billions", "options", "says"),
    [
        (CPU, 8, {}, "needs about 36.8 GB of memory in float32, and 16.0 GB are free"),
        (GPU, 200, {}, "needs about 460.0 GB of memory in bfloat16"),
        (TWO_GPUS, 18, {"device": "cuda:0"}, "and 24.0 GB are free"),
        (GPU, 50, {"four_bit": True}, "in 4 bits"),
    ],
)
def test_a_model_that_does_not_fit(machine, billions, options, says):
    with pytest.raises(DoesNotFit) as refused:
        place("vast", int(billions * GB), machine, "chat", **options)
    assert says in str(refused.value) and refused.value.kind == "chat"
    smaller = str(refused.value).partition("Pick a smaller one (")[2].partition(")")[0]
    assert find(smaller).kind == "chat" and find(smaller).memory_mb * 1e6 < sum(machine.gpus) + machine.memory


def test_a_tiny_machine_is_offered_what_comes_with_the_playground():
    with pytest.raises(DoesNotFit, match=r"Pick a smaller one \(moji-vlm"):
        place("model", GB, Machine(memory=GB // 2), "chat")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"device": "cuda"}, "has no device “cuda” that torch can use"),
        ({"device": "mps"}, "has no device “mps”"),
        ({"device": "tpu"}, "no device “tpu”: say cpu, cuda, cuda:1 or mps"),
        ({"device": "cuda:x"}, "no device “cuda:x”"),
        ({"dtype": "int8"}, "not loaded as “int8”: say float64, float32, bfloat16, float16"),
    ],
)
def test_a_device_or_format_that_there_is_not(options, says):
    with pytest.raises(LoadError, match=says):
        place("model", GB, CPU, "chat", **options)
    assert says in refusal("moji-vlm", **options)


def test_this_machine_has_memory_and_its_cpu_is_measured_only_when_it_matters(monkeypatch):
    monkeypatch.undo()
    asked = []
    monkeypatch.setattr(device, "_bfloat16_is_faster", lambda: asked.append(1) or True)
    machine = Machine(memory=device.free_memory(), fast_bfloat16=device._bfloat16_is_faster)
    assert 10**8 < machine.memory < 10**13
    place("moji", 10**6, machine, "chat", embedded=True)
    assert not asked
    assert place("model", 10**6, machine, "chat").dtype == "bfloat16" and asked


def test_a_cpu_that_is_quick_in_bfloat16_gets_it_loaded(checkpoint, monkeypatch):
    monkeypatch.setattr(device, "this_machine", lambda: Machine(device.free_memory(), fast_bfloat16=lambda: True))
    assert load(str(checkpoint("llava_siglip")), device="cpu").model.dtype == torch.bfloat16
    assert load("moji-vlm", device="cpu").model.dtype == torch.float32


def test_four_bits_need_their_package(checkpoint):
    from importlib.util import find_spec

    if find_spec("bitsandbytes"):
        pytest.skip("bitsandbytes is installed here")
    assert "pip install bitsandbytes" in refusal(checkpoint("llava_siglip"), four_bit=True)


def with_a_vast_tensor(source: Path, folder: Path, name: str, rows: int) -> Path:
    """A copy of a checkpoint whose tensor called `name` has that many rows, in a file of holes."""
    folder.mkdir()
    for file in source.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    weights = load_file(folder / "model.safetensors")
    name = next(key for key in weights if key.endswith(name))
    vast = weights.pop(name)
    save_file(weights, folder / "model.safetensors")
    whole = (folder / "model.safetensors").read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header, data = json.loads(whole[8 : 8 + length]), whole[8 + length :]
    size = 4 * rows * vast.shape[1]
    header[name] = {"dtype": "F32", "shape": [rows, vast.shape[1]], "data_offsets": [len(data), len(data) + size]}
    header = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header + data)
        try:
            file.truncate(8 + len(header) + len(data) + size)
        except OSError:
            pytest.skip("this disk has no files of holes")
    return folder


def test_weights_larger_than_the_memory_are_not_read(checkpoint, tmp_path):
    folder = with_a_vast_tensor(checkpoint("llava_siglip"), tmp_path / "vast", "embed_tokens.weight", rows=10**10)
    said = refusal(folder)
    assert "needs about 2944.0 GB of memory" in said and "Pick a smaller one" in said


OUT_OF_MEMORY = """
import resource, sys, transformers, torch
from playground.checkpoints.plan import plan
from playground.models.loading import LoadError
from playground.models.loading.build import build
planned = plan(sys.argv[1], dtype="float64")
used = int(next(line for line in open("/proc/self/status") if line.startswith("VmData")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + 300_000_000, resource.RLIM_INFINITY))
try:
    build(planned, make_room=lambda kind: None)
except LoadError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_memory_that_runs_out_while_the_weights_come(checkpoint, tmp_path):
    """Half a gigabyte in a process that may take 300 MB more, though the machine has them."""
    folder = with_a_vast_tensor(checkpoint("clip"), tmp_path / "vast", "token_embedding.weight", rows=2_000_000)
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["vocab_size"] = 2_000_000
    (folder / "config.json").write_text(json.dumps(config))
    run = subprocess.run(
        [sys.executable, "-c", OUT_OF_MEMORY, str(folder)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
    )
    assert "The memory was not enough" in run.stdout and "pick a smaller model" in run.stdout, run.stdout + run.stderr
