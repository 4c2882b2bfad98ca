"""The app's look: warm paper and terracotta, system fonts, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from playground.settings import read
from playground.tasks import examples

# The styles of the tabs first: what style.css says holds on every page.
STYLES = [*sorted(Path(__file__).parent.glob("tabs/*/*.css")), Path(__file__).with_name("style.css")]
SCRIPT = Path(__file__).with_name("page.js")

TERRACOTTA = gr.themes.Color(
    name="terracotta", c50="#fdf4ef", c100="#fbe5da", c200="#f5c9b6", c300="#eda589", c400="#e27e5b",
    c500="#cd5f3b", c600="#b34d2c", c700="#944026", c800="#783722", c900="#63301f", c950="#35160c",
)  # fmt: skip
SAND = gr.themes.Color(
    name="sand", c50="#fcfaf6", c100="#f6f0e7", c200="#eae0d2", c300="#d8cab7", c400="#ab9b86",
    c500="#83745f", c600="#675a4a", c700="#4d443a", c800="#352f29", c900="#26221e", c950="#1a1714",
)  # fmt: skip


def theme() -> gr.themes.Base:
    """The theme; all text meets WCAG AA contrast on its ground, in light and dark."""
    return gr.themes.Base(
        primary_hue=TERRACOTTA,
        secondary_hue=TERRACOTTA,
        neutral_hue=SAND,
        radius_size=gr.themes.sizes.radius_lg,
        font=("ui-rounded", "Nunito", "system-ui", "-apple-system", "Segoe UI", "sans-serif"),
        font_mono=("ui-monospace", "SFMono-Regular", "Consolas", "monospace"),
    ).set(
        body_background_fill="*neutral_100",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_800",
        body_text_color_dark="*neutral_100",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        background_fill_primary="*neutral_50",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_100",
        background_fill_secondary_dark="*neutral_800",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_700",
        color_accent="*primary_600",
        color_accent_soft="*primary_100",
        color_accent_soft_dark="*primary_900",
        block_background_fill="*neutral_50",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_shadow="0 1px 2px rgb(84 62 40 / 0.05)",
        block_label_background_fill="*neutral_50",
        block_label_background_fill_dark="*neutral_900",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        block_title_text_weight="600",
        input_background_fill="white",
        input_background_fill_dark="*neutral_800",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        input_border_color_focus="*primary_500",
        input_border_color_focus_dark="*primary_400",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="white",
        button_secondary_background_fill="white",
        button_secondary_background_fill_hover="*primary_50",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        button_border_width="1px",
        checkbox_label_background_fill_selected="*primary_100",
        checkbox_label_background_fill_selected_dark="*primary_800",
        checkbox_label_text_color_selected="*primary_900",
        checkbox_label_text_color_selected_dark="*primary_50",
        slider_color="*primary_500",
        slider_color_dark="*primary_400",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
    )


def launch_options() -> dict[str, Any]:
    """What `Blocks.launch` needs to show the app as it is meant to look, and to keep to itself.

    No footer links out, no history of runs in the visitor's browser, no server paths in error messages.

    Raises:
        SettingError: a variable of the environment is no setting.
    """
    return {
        "theme": theme(),
        "css_paths": STYLES,
        "head": f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>",
        "footer_links": [],
        "run_history": False,
        "show_error": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "mcp_server": True,
        "max_file_size": read().largest_upload,
        "allowed_paths": [str(examples.FOLDER)],
    }
