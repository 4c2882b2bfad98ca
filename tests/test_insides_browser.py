"""Side by side and Anatomy as a person uses them, in a real browser. Screenshots go to artifacts/."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browsing import Browser, Page, address, answered, expect, open_tab, pick, seen, shoot


@pytest.fixture(scope="module")
def page(shared_app: str, browser: Browser) -> Iterator[Page]:
    """One visitor for all tests here."""
    visit = browser.new_page(viewport={"width": 1280, "height": 900})
    visit.goto(shared_app)
    expect(visit.locator(".status.loaded").first).to_be_visible(timeout=60_000)
    yield visit
    visit.close()


def test_two_models_answer_beside_each_other(page: Page) -> None:
    open_tab(page, "Side by side")
    with answered(page):
        seen(page, "button.example").first.click()
    expect(seen(page, ".side-result")).to_have_count(2)
    expect(seen(page, ".side-result").nth(0)).to_contain_text("Self-attention")
    expect(seen(page, ".side-result").nth(1)).to_contain_text("Cross-attention")
    expect(seen(page, "table.scores .own")).to_have_count(2)
    with answered(page):
        question = seen(page, "textarea").first
        question.fill("describe the picture.")
        question.press("Enter")
    expect(seen(page, ".side-result").first).to_contain_text("and")
    before = address(page, "#side-heat-0"), address(page, "#side-heat-1")
    words = seen(page, ".words").nth(0).locator("label"), seen(page, ".words").nth(1).locator("label")
    said = [set(each.all_inner_texts()) - {"a", "the"} for each in words]
    checked = words[0].locator("input:checked").locator("xpath=..").inner_text()
    shared = sorted((said[0] & said[1]) - {checked})
    assert shared, f"no other word that both say: {said}"
    words[0].filter(has_text=shared[0]).first.click()
    expect(words[1].locator("input:checked").locator("xpath=..")).to_have_text(shared[0])
    for place in (0, 1):
        expect(page.locator(f"#side-heat-{place} img").first).not_to_have_attribute("src", before[place])
        expect(
            seen(
                page,
                ".note",
            ).filter(has_text=f"“{shared[0]}”")
        ).to_have_count(2)
    shoot(page, "compare")


def test_every_word_is_chosen_with_the_keyboard_and_a_map_is_kept_under_its_name(page: Page) -> None:
    open_tab(page, "Attention")
    seen(page, "button.example").first.click()
    expect(page.locator("#answer-words")).to_contain_text("The answer to")
    question = seen(page, "textarea").first
    question.fill("what is in the picture?")
    question.press("Enter")
    expect(page.locator("#answer-words")).to_contain_text("The answer to “what is in the picture?”")
    words = page.locator("#answer-words label").all_inner_texts()
    chosen = page.locator("#answer-words label:has(input:checked)")
    expect(chosen).to_have_text("ball")
    chosen.locator("input").focus()
    for way, count in (("ArrowRight", len(words)), ("ArrowLeft", 1)):  # once around, and one back
        for _ in range(count):
            page.keyboard.press(way)
    expect(chosen).to_have_text(words[0])
    expect(seen(page, ".panel h4").first).to_contain_text(f"“{words[0]}”")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(chosen).to_have_text("ball")
    expect(page.locator("#heat a[download='moji-vlm-ball-patches.png']")).to_be_visible()
    with page.expect_download() as download:
        page.locator("#heat a[download]").click()
    assert download.value.suggested_filename == "moji-vlm-ball-patches.png"


def test_a_model_that_is_not_here_says_so_in_its_own_column(page: Page) -> None:
    open_tab(page, "Side by side")
    field = page.get_by_role("combobox", name="Second model")
    field.fill("SmolVLM-256M-Instruct")
    field.press("Enter")
    with answered(page):
        page.get_by_role("button", name="Ask both").click()
    expect(seen(page, ".side-result .trouble")).to_contain_text("not on this machine yet")
    expect(seen(page, ".side-result").first).to_contain_text("sure of the whole answer")
    expect(seen(page, "table.scores")).to_have_count(1)


def test_a_picture_is_walked_through_the_model(page: Page) -> None:
    open_tab(page, "Anatomy")
    with answered(page):
        page.get_by_role("button", name="Walk through").click()
    expect(seen(page, ".trouble")).to_contain_text("no picture")
    with answered(page):
        seen(page, "button.example").first.click()
    stages = seen(page, ".stage")
    expect(stages).to_have_count(7)
    expect(stages.nth(3)).to_contain_text("144 vectors × 256 numbers")
    vision = stages.nth(2)
    expect(vision.locator(".gallery img").first).to_be_hidden()
    vision.locator("summary").click()
    expect(vision.locator(".gallery img")).to_have_count(12)
    expect(vision.locator(".gallery img").first).to_be_visible()
    assert vision.locator(".gallery img").first.evaluate("image => image.naturalWidth") == 12
    stages.nth(5).locator("summary").click()
    expect(stages.nth(5).locator(".lens tbody tr")).to_have_count(4)
    stages.nth(6).locator("summary").click()
    expect(stages.nth(6)).to_contain_text("all others")
    shoot(page, "anatomy")


def test_another_model_has_another_way(page: Page) -> None:
    pick(page, "moji-blip")
    open_tab(page, "Side by side")
    expect(page.get_by_role("combobox", name="First model")).to_have_value("moji-blip")
    open_tab(page, "Anatomy")
    with answered(page):
        page.get_by_role("button", name="Walk through").click()
    expect(seen(page, ".stage.missing")).to_contain_text("This model has none")
    expect(seen(page, ".stage.missing summary")).to_have_count(0)


def test_another_question_while_one_is_answered_is_answered_too(page: Page) -> None:
    for tab, place in (("Attention", "#answer-words"), ("Side by side", ".side-result"), ("Anatomy", ".anatomy")):
        open_tab(page, tab)
        seen(page, "button.example").first.click()
        expect(seen(page, place).first).to_contain_text("How many dogs")
        question = seen(page, "textarea").first
        for text in ("what is in the picture?", "where is the cat?"):  # the second at once
            question.fill(text)
            question.press("Enter")
        expect(seen(page, place).first).to_contain_text("where is the cat?")
