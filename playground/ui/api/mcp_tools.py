"""The endpoints as tools of MCP clients: what Gradio's server gives them, made readable for them."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr
from gradio_client.utils import is_file_obj_with_meta


def mend(app: gr.Blocks) -> None:
    """Let the tools of a launched app return JSON, and pictures as pictures; does nothing where MCP is off.

    Gradio 6.31 writes Python's notation, and takes several results for one text where a client asks for no progress:
    a picture among them would only be an address.
    """
    server = app.mcp_server_obj
    if server is None:
        return
    content = server.postprocess_output_data

    def readable(data: Any, root_url: str) -> Any:
        if len(data) == 1 and isinstance(data[0], list | tuple):
            data = data[0]
        return content([part if is_file_obj_with_meta(part) else _json(part) for part in data], root_url)

    server.postprocess_output_data = readable


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
