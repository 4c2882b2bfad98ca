"""Every tab as a person uses it, in a real browser. Screenshots go to artifacts/, which git ignores."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browsing import (
    Browser,
    Locator,
    Page,
    address,
    answered,
    expect,
    open_tab,
    paste,
    pick,
    seen,
    shoot,
    slide,
    upload,
)
from PIL import Image
from test_imaging import huge_png, saved

from playground.tasks.examples import examples
from playground.ui.app import tabs_of_the_page

TABS = tuple(tab.label for tab in tabs_of_the_page())


@pytest.fixture(scope="module")
def app(shared_app: str) -> str:
    """The address of a running app that has no network, like this whole test run."""
    return shared_app


@pytest.fixture(scope="module")
def page(app: str, browser: Browser) -> Iterator[Page]:
    """One visitor who walks through all tabs; who is asked for anything on the way is written down."""
    visit = browser.new_page(viewport={"width": 1280, "height": 900})
    visit.asked_hosts = set()
    visit.on("request", lambda request: visit.asked_hosts.add(request.url.split("/")[2]))
    visit.goto(app)
    expect(visit.locator(".status.loaded").first).to_be_visible(timeout=60_000)
    yield visit
    visit.close()


def test_an_example_is_one_click_from_a_conversation(page: Page) -> None:
    seen(page, "button.example").first.click()
    expect(page.locator(".chat .bot")).to_contain_text("new token")
    box = seen(page, ".chat-box textarea")
    box.fill("what is <image> in the picture?")
    box.press("Enter")
    expect(page.locator(".chat .bot")).to_have_count(2)
    expect(page.locator(".chat .bot").last).to_contain_text("new token")
    expect(page.locator(".chat .user").last).to_contain_text("what is <image> in the picture?")
    expect(box).to_have_value("")
    shoot(page, "chat")


def under(page: Page, name: str) -> Locator:
    """The buttons of this name under the turns of the talk."""
    return page.locator(".chat").get_by_role("button", name=name).locator("visible=true")


def test_a_changed_question_is_answered_anew_and_the_talk_outlives_the_page(page: Page) -> None:
    box = seen(page, ".chat-box textarea")
    box.fill("a draft")
    under(page, "Edit").first.click()
    expect(box).to_have_value(examples()[0].question)
    expect(seen(page, ".chat-box .thumbnail-item")).to_have_count(1)
    box.fill("is there a `<b>` cat?")
    box.press("Enter")
    expect(page.locator(".chat .bot")).to_have_count(1)
    expect(page.locator(".chat .bot")).to_contain_text("new token")
    expect(box).to_have_value("a draft")
    page.wait_for_timeout(2000)  # until the browser keeps it: the last words come before that
    page.reload()
    expect(page.locator(".chat .user")).to_contain_text("is there a <b> cat?")
    expect(page.locator(".chat .user img")).to_have_count(1)
    expect(page.locator(".chat .bot")).to_contain_text("new token")
    box.fill("what is <b>?")
    box.press("Enter")
    expect(page.locator(".chat .bot")).to_have_count(2)  # before that the last one is that of the first question
    expect(page.locator(".chat .bot").last).to_contain_text("new token")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".chat").get_by_label("Copy message").nth(1).click()
    assert page.evaluate("navigator.clipboard.readText()") == "what is <b>?"


def test_a_saved_talk_is_opened_again(page: Page, tmp_path: Path) -> None:
    said = page.locator(".chat .bot").all_inner_texts()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as JSON").click()
    saved.value.save_as(tmp_path / "talk.json")
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".chat .bot")).to_have_count(0)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open a saved conversation").click()
    chooser.value.set_files(tmp_path / "talk.json")
    expect(page.locator(".chat .bot")).to_have_count(len(said))
    expect(page.locator(".chat .user img")).to_have_count(1)


def test_why_opens_the_map_of_an_answer(page: Page) -> None:
    expect(page.locator(".status.loaded").first).to_be_visible(timeout=60_000)
    under(page, "Why?").first.click()
    expect(page.get_by_role("tab", name="Attention", exact=True)).to_have_attribute("aria-selected", "true")
    open_tab(page, "Chat")


def test_chat_keeps_what_was_typed_when_it_cannot_be_sent(page: Page) -> None:
    box, turns = seen(page, ".chat-box textarea"), page.locator(".chat .bot").count()
    box.fill("long " * 10_000)
    box.press("Enter")
    expect(seen(page, ".trouble")).to_contain_text("up to 4,000")
    assert len(box.input_value()) == 50_000
    box.fill("what is this?")
    upload(page, "letter.png", b"dear sirs")
    expect(seen(page, ".chat-box .thumbnail-item")).to_have_count(1)
    box.press("Enter")
    expect(seen(page, ".trouble")).to_contain_text("not a picture")
    expect(box).to_have_value("what is this?")
    assert page.locator(".chat .bot").count() == turns
    page.get_by_role("button", name="New conversation").click()


def test_chat_reads_several_pictures_and_says_which_it_sees(page: Page) -> None:
    seen(page, ".chat-box .delete-button").first.click()
    files = [
        {"name": f"{colour}.png", "mimeType": "image/png", "buffer": saved(Image.new("RGB", (64, 64), colour), "PNG")}
        for colour in ("red", "blue")
    ]
    page.get_by_role("tabpanel").locator("visible=true").locator("input[type=file]").first.set_input_files(files)
    expect(seen(page, ".chat-box .thumbnail-item")).to_have_count(2)
    seen(page, ".chat-box textarea").fill("what is in the picture?")
    seen(page, ".chat-box textarea").press("Enter")
    expect(page.locator(".chat .user img")).to_have_count(2)
    expect(seen(page, ".note")).to_contain_text("one picture at a time")
    expect(page.locator(".chat .bot").last).to_contain_text("new token")


def test_a_question_gets_an_answer_and_its_rivals(page: Page) -> None:
    open_tab(page, "Ask")
    seen(page, "button.example").nth(1).click()
    expect(seen(page, ".answer-text")).not_to_be_empty()
    expect(seen(page, ".bars.best .bar-figure")).to_contain_text(["%", "%"])  # as measured, and the model's own
    assert seen(page, ".bars li").count() >= 3
    expect(seen(page, "textarea").first).not_to_be_empty()
    shoot(page, "ask")


def test_an_answer_shows_its_map_and_leads_to_the_attention_tab(page: Page) -> None:
    open_tab(page, "Ask")
    expect(seen(page, ".map-preview img")).to_be_visible()
    expect(seen(page, ".answer .small-print")).to_contain_text("alibrated")
    page.get_by_role("button", name="Where did it look?").click()
    expect(page.get_by_role("tab", name="Attention", exact=True)).to_have_attribute("aria-selected", "true")


def test_choices_are_compared_and_a_single_one_gets_a_sentence(page: Page) -> None:
    open_tab(page, "Ask")
    page.get_by_label("One of my choices").check()
    choices = page.get_by_role("textbox", name="Choices")
    choices.fill("a taxi")
    with answered(page):
        page.get_by_role("button", name="Ask", exact=True).click()
    expect(seen(page, ".trouble")).to_contain_text("1 choice")
    expect(choices).to_have_value("a taxi")
    choices.fill("a taxi\na dog\n\na Taxi\na big blue bus")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(seen(page, "ul.choices li")).to_have_count(3)
    expect(seen(page, ".answer-text")).to_have_text("a taxi")
    expect(seen(page, ".note").first).to_contain_text("1 empty line")
    shoot(page, "choices")
    page.get_by_label("Yes or no").check()
    with answered(page):
        page.get_by_role("button", name="Ask", exact=True).click()
    expect(seen(page, "ul.choices li")).to_have_count(2)
    page.get_by_label("In its own words").check()


def test_many_pictures_make_a_table_to_keep(page: Page) -> None:
    open_tab(page, "Ask")
    open_tab(page, "Many pictures")
    questions = page.get_by_role("textbox", name="Questions")
    paste(questions, "\n".join(f"is there a {number}?" for number in range(1000)))
    page.get_by_role("button", name="Ask them all").click()
    expect(seen(page, ".trouble")).to_contain_text("up to 50")
    questions.fill("how many dogs are there?\nis there a cat?")
    scenes = [{"name": scene.path.name, "mimeType": "image/png", "buffer": scene.path.read_bytes()}
              for scene in examples()[:2]]  # fmt: skip
    files = [scenes[0], {"name": "letter.png", "mimeType": "image/png", "buffer": b"dear sirs"}, scenes[1]]
    page.get_by_role("tabpanel").locator("visible=true").locator("input[type=file]").last.set_input_files(files)
    expect(seen(page, ".file-preview tr, .file-preview .file")).to_have_count(3)
    page.get_by_role("button", name="Ask them all").click()
    expect(page.get_by_text("6 of 6 answers")).to_be_visible()
    expect(seen(page, "table.answers tbody tr")).to_have_count(3)
    expect(seen(page, "table.answers tbody tr").nth(1)).to_contain_text("not a picture")
    expect(seen(page, "table.answers tbody tr").last).to_contain_text("%")
    shoot(page, "many")
    kept = {}
    for kind in ("CSV", "JSON"):
        expect(page.get_by_role("button", name=f"Download {kind}")).to_be_enabled()
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Download {kind}").click()
        kept[kind] = Path(download.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(kept["CSV"])))
    assert [row["picture"] for row in rows] == ["two-dogs.png"] * 2 + ["letter.png"] * 2 + ["traffic.png"] * 2
    assert rows[0]["answer"] == json.loads(kept["JSON"])["answers"][0]["answer"] == "two" and rows[2]["error"]
    expect(questions).to_have_value("how many dogs are there?\nis there a cat?")
    paste(questions, "\n".join(f"how many things are there {'?' * number}" for number in range(50)))
    page.get_by_role("button", name="Ask them all").click()
    page.get_by_role("button", name="Stop").locator("visible=true").click()
    expect(seen(page, ".small-print").get_by_text("Stopped")).to_be_visible()
    expect(page.get_by_role("button", name="Stop").locator("visible=true")).to_be_disabled()
    open_tab(page, "One picture")


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("letter.png", b"dear sirs", "not a picture"),
        ("empty.png", b"", "empty"),
        ("cut.jpg", saved(Image.effect_noise((300, 300), 90), "JPEG")[:5000], "breaks off"),
        ("huge.png", huge_png(20_000, 20_000), "80 million"),
    ],
)
def test_an_unusable_picture_gets_one_sentence(page: Page, name: str, data: bytes, says: str) -> None:
    open_tab(page, "Ask")
    question = seen(page, "textarea").first
    question.fill("how many dogs are there?")
    upload(page, name, data)
    expect(seen(page, ".trouble")).to_contain_text(says)
    expect(question).to_have_value("how many dogs are there?")


@pytest.mark.parametrize("tab", ["Ask", "Segment"])
def test_a_file_of_another_kind_gets_our_sentence_beside_the_field(page: Page, tab: str) -> None:
    open_tab(page, tab)
    letter = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"dear sirs"}
    if seen(page, "button[aria-label='Remove Image']").count():
        seen(page, "button[aria-label='Remove Image']").click()
    panel = page.get_by_role("tabpanel").locator("visible=true")
    panel.locator("input[type=file]").first.set_input_files(letter)
    expect(seen(page, ".trouble")).to_contain_text("not a picture")
    expect(page.locator(".toast-body")).to_have_count(0)
    upload(page, "plain.png", saved(Image.new("RGB", (40, 40), "red"), "PNG"))
    expect(seen(page, ".trouble")).to_have_count(0)
    seen(page, "button[aria-label='Remove Image']").click()
    drop = """field => {
      const files = new DataTransfer();
      files.items.add(new File(["dear sirs"], "notes.txt", { type: "text/plain" }));
      field.dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true }));
    }"""
    panel.locator(".upload-container").locator("visible=true").first.evaluate(drop)
    expect(seen(page, ".trouble")).to_contain_text("not a picture")
    expect(page.locator(".toast-body")).to_have_count(0)


def test_unusual_pictures_are_answered(page: Page) -> None:
    open_tab(page, "Ask")
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime")]
    unusual = {
        "dot.png": (saved(Image.new("RGB", (1, 1)), "PNG"), "1 × 1"),
        "moving.gif": (saved(frames[0], "GIF", save_all=True, append_images=frames[1:]), "first frame"),
        "print.jpg": (saved(Image.new("CMYK", (80, 60), (0, 255, 255, 0)), "JPEG"), ""),
        "deep.png": (saved(Image.fromarray(np.full((60, 80), 40_000, np.uint16)), "PNG"), ""),
    }
    for name, (data, says) in unusual.items():
        upload(page, name, data)
        expect(seen(page, "button[aria-label='Remove Image']")).to_be_visible()
        if says:
            expect(seen(page, ".note")).to_contain_text(says)
        seen(page, "textarea").first.fill("what is in the picture?")
        with answered(page):
            page.get_by_role("button", name="Ask", exact=True).click()
        expect(seen(page, ".trouble")).to_have_count(0)
        expect(seen(page, ".answer-text")).not_to_be_empty()


def test_an_empty_or_endless_question_gets_one_sentence(page: Page) -> None:
    open_tab(page, "Ask")
    question = seen(page, "textarea").first
    for text, says in (("  ", "empty"), ("why " * 12_500, "up to 4,000")):
        question.fill(text)
        with answered(page):
            page.get_by_role("button", name="Ask", exact=True).click()
        expect(seen(page, ".trouble")).to_contain_text(says)
        expect(question).to_have_value(text)


def test_captions_are_short_or_detailed_or_for_a_blind_reader(page: Page) -> None:
    open_tab(page, "Caption")
    text, told = seen(page, "textarea").first, []
    seen(page, "button.example").first.click()
    for style in ("In detail", "For a blind reader"):
        expect(seen(page, ".small-print").first).to_contain_text("new token")
        expect(page.get_by_role("button", name="Stop")).to_be_disabled()
        told.append(text.input_value())
        page.get_by_label(style).check()
        page.get_by_role("button", name="Describe").click()
        expect(text).not_to_have_value(told[-1])
    expect(text).to_have_value(re.compile("asked to count, it says"))
    expect(seen(page, ".note")).to_contain_text("never taught to write for blind readers")
    shoot(page, "caption")
    assert all(told) and len(set(told)) == 2


def test_several_captions_come_with_two_scores_and_one_is_taken(page: Page) -> None:
    open_tab(page, "Caption")
    page.get_by_label("Short", exact=True).check()
    page.get_by_label("Several", exact=True).check()
    page.get_by_role("button", name="Describe").click()
    rows = seen(page, "ol.candidates > li")
    expect(rows).to_have_count(5)
    expect(rows.first.locator(".bar-figure")).to_have_text([re.compile(r"\d %"), re.compile(r"\d\.\d\d")])
    page.get_by_label("3", exact=True).check()
    expect(seen(page, "textarea").first).to_have_value(rows.nth(2).locator(".candidate-text").inner_text())
    shoot(page, "caption-several")


def test_two_models_describe_the_same_picture(page: Page) -> None:
    open_tab(page, "Caption")
    page.get_by_label("Two models").check()
    page.get_by_role("button", name="Describe").click()
    for place, name in enumerate(("moji-vlm", "moji-blip")):
        expect(seen(page, f"text=Caption by {name}")).to_be_visible()
        expect(seen(page, "textarea").nth(place)).not_to_have_value("")
        expect(seen(page, ".small-print").filter(has_text=f"{name} ·")).to_contain_text("new token")
    shoot(page, "caption-two")
    page.get_by_label("One caption").check()


def test_a_folder_is_described_stopped_and_taken_away(page: Page, tmp_path: Path) -> None:
    open_tab(page, "Caption")
    open_tab(page, "A whole folder")
    all_of_it, stop = page.get_by_role("button", name="Describe all"), page.get_by_role("button", name="Stop")
    all_of_it.click()
    expect(seen(page, ".trouble")).to_contain_text("There are no pictures yet")
    for number in range(40):
        shutil.copy(examples()[number % 6].path, tmp_path / f"{number:02} <b>.png")
    (tmp_path / "notes.txt").write_text("dear sirs")
    (tmp_path / "empty.png").touch()
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "38 <b>.png").rename(tmp_path / "sub" / "00 <b>.png")  # called as another one in another place
    (tmp_path / "39 <b>.png").rename(tmp_path / "sub" / "deep" / "39 <b>.png")
    page.locator("input[type=file][webkitdirectory]").set_input_files(tmp_path)
    expect(seen(page, ".trouble")).to_have_count(0)
    expect(seen(page, ".file-preview tr")).to_have_count(42)
    seen(page, "input[value=detailed]").check()
    all_of_it.click()
    expect(seen(page, ".captions tr")).not_to_have_count(0)
    stop.click()
    expect(seen(page, ".folder-progress")).to_contain_text("Stopped")
    done = int(seen(page, "progress").get_attribute("value"))
    assert 0 < done < 42
    all_of_it.click()
    expect(seen(page, ".folder-progress")).to_contain_text(
        "42 of 42 done, 2 of them cannot be read. moji-vlm", timeout=300_000
    )
    rows = seen(page, ".captions tr")
    expect(rows.filter(has_text="notes.txt")).to_contain_text("not a picture")
    expect(rows.filter(has_text="02 <b>.png")).to_contain_text("yellow star at the bottom left")
    shoot(page, "caption-folder")
    with page.expect_download() as download:
        page.get_by_text("Download JSONL").click()
    told = [json.loads(line) for line in Path(download.value.path()).read_text(encoding="utf-8").splitlines()]
    assert download.value.suggested_filename == "metadata.jsonl"
    places = [f"{number:02} <b>.png" for number in range(38)] + ["sub/00 <b>.png", "sub/deep/39 <b>.png"]
    assert [row["file_name"] for row in told] == places  # as `datasets` finds them from metadata.jsonl on
    assert told[2]["text"] == told[8]["text"] and "a yellow star at the bottom left" in told[2]["text"]
    open_tab(page, "One picture")


def test_the_threshold_recolours_at_once(page: Page) -> None:
    open_tab(page, "Segment")
    seen(page, "button.example").first.click()
    expect(page.locator("#mask-legend label")).to_have_count(3)
    before = address(page, "#masks")
    slide(page, "Threshold", 0.9)
    expect(page.locator("#masks img").first).not_to_have_attribute("src", before)
    slide(page, "Threshold", 0.5)
    shoot(page, "segment")
    seen(page, ".label-wrap").get_by_text("Segmentation model").click()
    expect(seen(page, ".status").last).to_have_text("moji-clipseg is loaded")
    before = address(page, "#masks")
    slide(page, "Opacity", 0)
    expect(page.locator("#masks img").first).not_to_have_attribute("src", before)
    expect(page.locator("#mask-legend label")).to_have_count(3)


def test_a_click_adds_a_region_and_the_masks_can_be_taken_away(page: Page) -> None:
    open_tab(page, "Segment")
    legend, masks = page.locator("#mask-legend label"), page.locator("#masks img").first
    shown = seen(page, ".image-frame img").first
    box = shown.bounding_box()
    changes = [
        lambda: slide(page, "Opacity", 0.6),
        lambda: shown.click(position={"x": 0.46 * box["width"], "y": 0.62 * box["height"]}),  # on a dog
        lambda: legend.nth(1).click(),
        lambda: page.get_by_label("Outlined", exact=True).check(),
        lambda: page.get_by_label("Cut-out").check(),
    ]
    for change in changes:
        before = address(page, "#masks")
        change()
        expect(masks).not_to_have_attribute("src", before)
    expect(legend).to_have_count(4)
    expect(legend.last).to_contain_text("dog, clicked")
    expect(legend.nth(1).locator("input")).not_to_be_checked()
    seen(page, "button.label-wrap").filter(has_text="Point without a mouse").press("Enter")
    slide(page, "Across", 84)
    slide(page, "Down", 78)
    page.get_by_role("button", name="Take what is there").press("Enter")
    expect(legend.last).to_contain_text("dog, clicked 2")
    page.get_by_role("button", name="Forget the clicks").click()
    expect(legend).to_have_count(3)
    shown.click(position={"x": 0.46 * box["width"], "y": 0.62 * box["height"]})
    expect(legend).to_have_count(4)
    page.get_by_label("Before and after").check()
    expect(page.locator("#masks-slider img").first).to_be_visible()
    page.get_by_role("button", name="Export masks").click()
    with page.expect_download() as download:
        page.locator("#mask-files a", has_text="KB").last.click()
    listed = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert [each["name"] for each in listed["categories"]] == ["dog", "ball"] and len(listed["annotations"]) == 3
    page.get_by_label("Overlay", exact=True).check()


def test_attention_shows_another_map_for_another_word_layer_or_place(page: Page) -> None:
    open_tab(page, "Attention")
    seen(page, "button.example").first.click()
    expect(seen(page, ".note").last).to_contain_text("lay on the true dog")
    seen(page, "textarea").first.fill("what is in the picture?")
    with answered(page):
        page.get_by_role("button", name="Ask and look").click()
    words = seen(page, "#answer-words label")
    expect(words.nth(5)).to_be_visible()
    maps = [address(page, "#heat")]

    def changed() -> None:
        expect(page.locator("#heat img").first).not_to_have_attribute("src", maps[-1])
        maps.append(address(page, "#heat"))

    words.get_by_text("cat", exact=True).click()
    changed()
    expect(seen(page, ".note").last).to_contain_text("lay on the true cat")
    page.keyboard.press("Shift+Tab")  # the keyboard walks through the answer too
    page.keyboard.press("Space")
    changed()
    expect(seen(page, ".note").first).to_contain_text("“a” means little")
    method = page.get_by_role("combobox", name="Method", exact=True)
    method.fill("Attention without")
    method.press("Enter")
    changed()
    for label, value in (("Layer", 1), ("Head", 2)):
        slide(page, label, value)
        changed()
    page.get_by_role("button", name="From a place in the picture to the words").click()
    page.locator("#heat img").first.click(position={"x": 60, "y": 90})
    changed()
    expect(seen(page, ".panel").get_by_text("Who looked at this place?")).to_be_visible()
    assert int(seen(page, "input[aria-label='number input for Place']").input_value()) > 0
    assert len(set(maps)) == len(maps)
    page.get_by_role("button", name="All heads of all layers").click()
    heads = page.locator("#heads img").first
    size = heads.bounding_box()
    heads.click(position={"x": size["width"] * 0.9, "y": size["height"] * 0.9})
    changed()
    expect(seen(page, "input[aria-label='number input for Layer']")).to_have_value("4")
    expect(seen(page, "input[aria-label='number input for Head']")).to_have_value("8")
    shoot(page, "attention")


def test_attention_plays_through_the_layers_and_stops_by_itself(page: Page) -> None:
    open_tab(page, "Attention")
    slide(page, "Layer", 3)
    page.get_by_role("button", name="Play layers").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(seen(page, "input[aria-label='number input for Layer']")).to_have_value("0")
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)


def test_attention_says_whether_a_map_is_true_and_saves_the_trace(page: Page) -> None:
    open_tab(page, "Attention")
    page.get_by_role("button", name="Is this map true to the model?").click()
    expect(seen(page, ".curves svg")).to_have_count(2)
    expect(seen(page, ".panel").get_by_text("random weights")).to_be_visible()
    page.get_by_role("button", name="Keep this answer").click()
    page.get_by_role("button", name="Save the trace").click()
    with page.expect_download() as download:
        seen(page, "a[download*='trace.safetensors']").first.click()
    assert download.value.path().stat().st_size > 10_000


def test_attention_settings_before_an_answer_get_one_sentence(app: str, browser: Browser) -> None:
    visit = browser.new_page()
    visit.goto(app)
    open_tab(visit, "Attention")
    slide(visit, "Layer", 1)
    expect(seen(visit, ".trouble")).to_contain_text("Ask again")
    open_tab(visit, "Segment")
    expect(seen(visit, ".trouble")).to_have_count(0)
    slide(visit, "Threshold", 0.7)
    expect(seen(visit, ".trouble")).to_contain_text("again")
    visit.close()


def test_attention_has_no_score_where_nobody_knows_the_truth(page: Page) -> None:
    open_tab(page, "Attention")
    upload(page, "letter.png", b"dear sirs")
    expect(seen(page, ".trouble")).to_contain_text("not a picture")
    upload(page, "plain.png", saved(Image.effect_noise((200, 150), 60).convert("RGB"), "PNG"))
    page.get_by_role("button", name="Ask and look").click()
    expect(seen(page, ".small-print").get_by_text("No score here")).to_be_visible()


def test_an_unknown_model_leaves_the_earlier_one(page: Page) -> None:
    picker = page.get_by_role("combobox", name="Model", exact=True)
    before = picker.input_value()
    pick(page, "moji-vml")
    expect(page.locator(".picker .trouble").first).to_contain_text("Did you mean “moji-vlm”?")
    expect(page.locator(".picker .trouble").first).to_contain_text("stays selected")
    expect(picker).to_have_value(before)


def test_a_download_begins_when_its_button_says_so(page: Page) -> None:
    picker = page.get_by_role("combobox", name="Model", exact=True)
    load = page.locator(".picker button.load").first
    before = picker.input_value()
    pick(page, "SmolVLM-256M-Instruct")
    expect(load).to_have_text("Load · 520 MB download")
    expect(page.locator(".picker .card").first).to_contain_text("Apache-2.0")
    expect(page.locator(".picker .trouble")).to_have_count(0)
    shoot(page, "offer")
    pick(page, "moji-vlm")
    expect(page.locator(".picker .status").first).to_have_text("moji-vlm is loaded")
    expect(load).to_be_hidden()
    pick(page, "HuggingFaceTB/SmolVLM-256M-Instruct")
    load.click()
    expect(page.locator(".picker .trouble").first).to_contain_text("network")
    expect(page.locator(".picker .trouble").first).to_contain_text("stays selected")
    expect(picker).to_have_value(before)
    expect(load).to_be_hidden()


def test_the_page_asked_its_own_host_for_everything(page: Page, app: str) -> None:
    assert page.asked_hosts == {app.split("/")[2]}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(app: str, browser: Browser, scheme: str) -> None:
    phone = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    phone.goto(app)
    expect(phone.locator(".status.loaded").first).to_be_visible(timeout=60_000)
    phone.get_by_role("button", name="No, thanks").click()
    assert (
        phone.get_by_role("tab", name="Chat", exact=True).bounding_box()["y"] < 500
    )  # more when many models are loaded
    facts, summary = phone.locator(".card dl").first, phone.locator(".card summary").first
    expect(facts).to_be_hidden()
    summary.click()
    expect(facts).to_be_visible()
    summary.press("Enter")
    expect(facts).to_be_hidden()
    for name in TABS:
        open_tab(phone, name)
        expect(phone.get_by_role("tab", name=name, exact=True)).to_have_attribute("aria-selected", "true")
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390, name
        shoot(phone, f"phone-{scheme}-{name.lower()}")
    phone.close()
