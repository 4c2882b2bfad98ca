"""Every verb takes what people have, sees it as the app does, and says what was changed."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playground import load, trace_picture
from playground.imaging.noted import PictureChanged
from playground.imaging.opening import MediaError, open_picture
from playground.interpret.anatomy.anatomy import anatomy
from playground.interpret.encoder_attention import encoder_attention
from playground.models.messages import Message
from playground.models.server.protocol import as_sent
from playground.tasks.answer import answer
from playground.tasks.attend import attend
from playground.tasks.bulk.many import caption_many, embed_many
from playground.tasks.caption import caption
from playground.tasks.chat import chat
from playground.tasks.choose import choose
from playground.tasks.classify import match
from playground.tasks.compare import side
from playground.tasks.detect import detect
from playground.tasks.region import region_at
from playground.tasks.segment import segment

SCENE = Path(__file__).parents[1] / "assets" / "examples" / "two-dogs.png"


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    """A scene that is wider than high, so that one that lies on its side shows."""
    return Image.open(SCENE).convert("RGB").crop((0, 0, 192, 120))


@pytest.fixture(scope="module")
def turned(scene, tmp_path_factory) -> Path:
    """The scene as a camera that lay on its side wrote it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path_factory.mktemp("turned") / "turned.png"
    scene.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    return path


def ended(stream):
    """What a generator returns."""
    while True:
        try:
            next(stream)
        except StopIteration as end:
            return end.value


def test_chat_verbs(scene, turned) -> None:
    model = load("moji-vlm")
    question, straight = "what is in the picture?", model.ask("what is in the picture?", scene)
    assert straight.notes == ()
    files = [turned, str(turned), turned.read_bytes(), io.BytesIO(turned.read_bytes()), Image.open(turned)]
    for source in files:
        found = model.ask(question, source)
        assert found.text == straight.text
        assert found.pieces[0].probability == pytest.approx(straight.pieces[0].probability)
        assert "upright" in found.notes[0]
    assert model.ask(question, np.asarray(scene)).text == straight.text
    said = [
        ended(model.stream([Message("user", question, (turned,))])),
        ended(caption(model, turned)),
        answer(model, turned, question, runners_up=1),
        choose(model, turned, question),
        ended(chat(model, (), question, [turned])).answer,
        trace_picture(model, turned, question).answer,
        attend(model, turned, question).answer,
        side(model, turned, question).trace.answer,
        anatomy(model, turned, question),
        caption_many(model, [turned], progress=False)[0],
    ]
    assert all("upright" in found.notes[0] for found in said)
    assert trace_picture(model, turned, question).image_sizes == (scene.size,)
    assert encoder_attention(model, turned).image_sizes == (scene.size,)


def test_verbs_for_places_answer_in_pixels_of_the_upright_picture(scene, turned) -> None:
    segmenter, detector = load("moji-clipseg"), load("moji-owl")
    straight, found = segmenter.segment(scene, ["dog"]), segment(segmenter, turned, "dog")
    assert (found.masks() == straight.masks()).all() and found.image_size == scene.size
    assert "upright" in found.notes[0]
    boxes, turned_boxes = detector.detect(scene, ["dog"]), detect(detector, turned, "dog")
    assert turned_boxes == boxes and len(boxes) and "upright" in turned_boxes.notes[0]
    row, column = (places.mean() for places in np.nonzero(straight.masks()[0]))
    assert region_at(segmenter, turned, (int(column), int(row)), "dog", threshold=0.1).name == "dog"


def test_large_pictures_give_places_in_their_own_pixels(scene) -> None:
    large = scene.resize((3072, 1920))
    masks, small = load("moji-clipseg").segment(large, ["dog"]), load("moji-clipseg").segment(scene, ["dog"])
    assert masks.image_size == (3072, 1920) and masks.masks().shape == (1, 1920, 3072)
    assert abs(masks.masks().mean() - small.masks().mean()) < 0.01
    detector = load("moji-owl")
    large_box, box = detector.detect(large, ["dog"])[0].box, detector.detect(scene, ["dog"])[0].box
    assert np.allclose(np.array(large_box) / 16, box, atol=2)
    assert "scaled down from 3,072 × 1,920" in masks.notes[0]


def test_vectors_warn_of_what_was_changed(scene, turned) -> None:
    model = load("moji-clip")
    straight = model.embed_images([scene])
    with pytest.warns(PictureChanged, match="upright"):
        assert (model.embed_images([turned]) - straight).abs().max() < 1e-5
    assert "upright" in embed_many(model, [turned], progress=False)[0].notes[0]
    assert "upright" in match(model, turned, "a dog, a cat").notes[0]


def test_messages_say_which_picture_was_changed_and_servers_get_it_upright(scene, turned) -> None:
    message = Message("user", "?", (scene, turned))
    assert [image.size for image in message.images] == [scene.size, scene.size]
    assert message.notes == ("Picture 2: The picture was turned upright, as its file asks for.",)
    url = as_sent(message)["content"][1]["image_url"]["url"]
    assert open_picture(url).image.tobytes() == scene.tobytes()
    with pytest.raises(MediaError, match="no file"):
        Message("user", "?", ("nowhere.png",))


def test_messages_are_prepared_once_for_answer_runners_up_and_trace(scene, monkeypatch) -> None:
    model, calls = load("moji-vlm"), []
    from playground.models import prompt

    prepare = prompt.prepare
    monkeypatch.setattr(prompt, "prepare", lambda *arguments: calls.append(1) or prepare(*arguments))
    answer(model, scene, "how many dogs are there?")
    choose(model, scene, "is there a dog?")
    trace_picture(model, scene, "what is in the picture?")
    assert len(calls) == 3
    message = Message("user", "what is in the picture?", (scene,))
    first = model.prepare([message])
    first.pop("pixel_values")  # whoever changes what he got changes nothing for others
    assert "pixel_values" in model.prepare([message])
    del message
    assert model._prepared is None
