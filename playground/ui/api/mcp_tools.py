"""The endpoints as tools of MCP clients: what Gradio's server gives them, made readable for them."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from playground.ui.gradio_patches import is_file_obj_with_meta, rewrite_tool_results


def mend(app: gr.Blocks) -> None:
    """Let the tools of a launched app return JSON, and pictures as pictures; does nothing where MCP is off."""
    rewrite_tool_results(app, _readable)


def _readable(results: Any) -> list[Any]:
    if len(results) == 1 and isinstance(results[0], list | tuple):
        results = results[0]
    return [part if is_file_obj_with_meta(part) else _json(part) for part in results]


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
