"""A talk as a file: what is written is read back, and what others wrote gets a sentence."""

from __future__ import annotations

import base64
import io
import json
import zipfile

import pytest
from PIL import Image
from test_imaging import huge_png

from playground.imaging.opening import MediaError, open_picture
from playground.models.messages import Message
from playground.tasks import TaskError
from playground.tasks.examples import examples
from playground.tasks.exports.markdown import harmless_markdown
from playground.tasks.exports.transcript import as_json, as_zip, from_json

TALK = (
    Message("system", "answer in one word"),
    Message(
        "user",
        'what is <image> & "this"? שלום 🦊\n# no heading',
        tuple(open_picture(item.path).image for item in examples()[:2]),
    ),
    Message("assistant", "two dogs:\n```html\n<b>dog</b>\n```"),
    Message("user", "and where?", (Image.effect_noise((40, 30), 80).convert("RGB"),)),
    Message("assistant", ""),
)


def pixels(messages: tuple[Message, ...]) -> list[bytes]:
    return [image.tobytes() for message in messages for image in message.images]


def test_json_is_a_request_for_any_server_and_is_read_back_whole() -> None:
    body = json.loads(as_json(TALK, model="moji-vlm", temperature=0.0))
    assert body["model"] == "moji-vlm" and body["messages"][0] == {"role": "system", "content": "answer in one word"}
    kinds = [part["type"] for part in body["messages"][1]["content"]]
    assert kinds == ["image_url", "image_url", "text"]
    for file in (body, body["messages"]):
        again = from_json(json.dumps(file))
        assert [(message.role, message.text) for message in again] == [(message.role, message.text) for message in TALK]
        assert pixels(again) == pixels(TALK)


def test_markdown_comes_with_its_pictures_and_says_where_nothing_else_lies() -> None:
    archive = zipfile.ZipFile(io.BytesIO(as_zip(TALK, speakers=["Rules", "You", "Moji"], footers=["", "", "3 tokens"])))
    assert archive.testzip() is None
    assert sorted(archive.namelist()) == ["pictures/1.png", "pictures/2.png", "pictures/3.png", "talk.md"]
    shown = [Image.open(io.BytesIO(archive.read(f"pictures/{number}.png"))).tobytes() for number in (1, 2, 3)]
    assert shown == pixels(TALK)
    text = archive.read("talk.md").decode()
    assert text.index("## Rules") < text.index("(pictures/1.png)") < text.index("## Moji") < text.index("*3 tokens*")
    assert "what is &lt;image&gt;" in text and "שלום 🦊" in text
    assert "```html\n<b>dog</b>\n```" in text  # code in a fence is code in any reader
    assert "## Model" in text  # the last answer, for whom no speaker was given


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (b"\xff\xfe", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("{}", "holds no talk"),
        ('{"messages": [3]}', "Message 1 has no role"),
        ('[{"role": "user", "content": 3}]', "Message 1 has no content"),
        ('[{"role": "tool", "content": "x"}]', "Message 1 has no role"),
        (json.dumps([{"role": "user", "content": "x"}] * 401), "up to 400"),
        (
            '[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://host/x.png"}}]}]',
            "addresses are not fetched",
        ),
        (
            '[{"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,§"}]}]',
            "damaged",
        ),
    ],
)
def test_a_file_that_is_no_talk_gets_one_sentence(file: str | bytes, says: str) -> None:
    with pytest.raises(TaskError, match=says):
        from_json(file)


def test_a_picture_in_a_file_is_checked_like_an_upload() -> None:
    url = "data:image/png;base64," + base64.b64encode(huge_png(20_000, 20_000)).decode()
    content = [{"type": "image_url", "image_url": {"url": url}}]
    with pytest.raises(MediaError, match="80 million"):
        from_json(json.dumps([{"role": "user", "content": content}]))


@pytest.mark.parametrize(
    ("text", "shows"),
    [
        ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ("![x](http://host/x.png)", "!&#91;x](http://host/x.png)"),
        ("use `<b>` and `a`", "use <code>&#60;b&#62;</code> and `a`"),
        ("```py\nif a<b:\n```\n<i>", '\n<pre><code class="language-py">if a&#60;b&#58;\n</code></pre>\n&lt;i&gt;'),
        ("~~~\n```\n~~~\n<b>", '\n<pre><code class="language-">&#96;&#96;&#96;\n</code></pre>\n&lt;b&gt;'),
        ("```\n<img src=x>", '\n<pre><code class="language-">&#60;img src&#61;x&#62;</code></pre>\n'),
        ("`` <img src=x>", "`` &lt;img src=x&gt;"),
        ("~ &amp; ~", "~ &amp;amp; ~"),
        ("", ""),
    ],
)
def test_what_strangers_write_is_shown_and_never_a_tag(text: str, shows: str) -> None:
    assert harmless_markdown(text) == shows
