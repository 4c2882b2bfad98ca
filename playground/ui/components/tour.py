"""A short tour for whoever comes for the first time: an offer above the page, and a dialog that page.js opens."""

from __future__ import annotations

from html import escape

STOPS = (
    (
        "button.example",
        "Begin with a scene",
        "Click one. Its picture and a question go to the model, and the answer is written before your eyes. "
        "You can also add a picture of your own.",
    ),
    (
        "[role=tablist]",
        "Ask in different ways",
        "Chat keeps a talk going. Ask tells how sure the answer is. Caption describes. Segment colours what you name.",
    ),
    (
        "[role=tablist]",
        "See where it looked",
        "In Attention you choose a word of the answer and see which part of the picture the model used for it. "
        "A score says whether that was the right place.",
    ),
    (
        ".picker",
        "Choose another model",
        "Moji knows only its small world of emoji scenes. For photographs, pick a model of the list; "
        "its licence and size are shown before anything is downloaded.",
    ),
)
"""What each step points at (a selector of CSS), its heading, and what it says."""

OFFER = """
<aside class="tour-offer" aria-label="Tour" hidden>
  <p>New here? Four steps show you around.</p>
  <button type="button" data-tour="start">Take the tour</button>
  <button type="button" data-tour="no">No, thanks</button>
</aside>
"""


def dialog() -> str:
    """The offer and the dialog as HTML; without page.js neither is seen."""
    steps = "".join(
        f'<section data-target="{escape(target)}" hidden><h2 tabindex="-1">{escape(heading)}</h2>'
        f'<p>{escape(text)}</p><p class="small-print">Step {index} of {len(STOPS)}</p></section>'
        for index, (target, heading, text) in enumerate(STOPS, 1)
    )
    buttons = (
        '<button type="button" data-tour="end">Close</button><span></span>'
        '<button type="button" data-tour="back">Back</button><button type="button" data-tour="next">Next</button>'
    )
    return f'{OFFER}<dialog class="tour" aria-label="Tour">{steps}<div class="tour-buttons">{buttons}</div></dialog>'
