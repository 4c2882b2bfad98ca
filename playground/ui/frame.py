"""The page around the tabs."""

from __future__ import annotations

from functools import partial

import gradio as gr

from playground.ui import (
    anatomy_tab,
    answer_tab,
    attention_tab,
    caption_tab,
    chat_tab,
    compare_tab,
    endpoints,
    segment_tab,
    session,
)
from playground.ui.loaded import DEFAULT_CHAT, chat_model
from playground.ui.picker import picker, waking

_HEADER = """
<header class="masthead">
  <h1>VLM Playground</h1>
  <p>Show a picture, ask about it, and see where the model looks.</p>
</header>
"""


def build(model: str = DEFAULT_CHAT) -> gr.Blocks:
    """The whole app; `model` answers until another one is picked. Imports neither torch nor transformers.

    Uploads are deleted from the disk a day after they came. Nothing calls out: no analytics, no web fonts.
    """
    day = 24 * 3600
    with gr.Blocks(title="VLM Playground", analytics_enabled=False, delete_cache=(3600, day)) as app:
        gr.HTML(_HEADER)
        picked = picker("chat", model, chat_model, state="waking")
        why = gr.State(None)
        with gr.Tabs(selected="chat", overflow_behavior="wrap") as tabs:
            with gr.Tab("Chat", id="chat"):
                chat_tab.build(picked.chosen, why)
            with gr.Tab("Ask", id="ask"):
                answer_tab.build(picked.chosen, why)
            with gr.Tab("Caption", id="caption"):
                caption_tab.build(picked.chosen)
            with gr.Tab("Segment", id="segment"):
                segment_tab.build()
            with gr.Tab("Attention", id="attention"):
                looking = attention_tab.build(picked.chosen, why)
            with gr.Tab("Side by side", id="compare"):
                compare_tab.build(picked.chosen)
            with gr.Tab("Anatomy", id="anatomy"):
                anatomy_tab.build(picked.chosen)
        able = partial(attention_tab.capability, switches=len(looking.switches))
        switched = [*looking.switches, looking.reason]
        unseen = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
        app.load(waking("chat", chat_model), picked.chosen, picked.card, **unseen).then(
            able, picked.chosen, switched, **unseen
        )
        why.change(lambda: gr.Tabs(selected="attention"), None, tabs, **unseen, queue=False)
        app.unload(session.end)
        picked.chosen.change(able, picked.chosen, switched, **unseen)
        endpoints.build(app)
    return app
