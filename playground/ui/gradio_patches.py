"""Every place where the app touches what Gradio keeps to itself: what is changed there, why, and a check of it.

Gradio promises nothing of its inside, so `pyproject.toml` caps it to one minor version, and `check` says at the start
which of these places another version has changed, before anything half works. Nothing else in `playground.ui` imports
from below `gradio`'s top, or reads an underscore of it.
"""

from __future__ import annotations

import inspect
import sys
from abc import ABCMeta
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from typing import Any

# jsonschema, which MCP brings, would build a grammar at its import that takes more than a second, to check one format
# of addresses (RFC 3987) that nobody here asks for. Without this package it does without the check. So this is first.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None: Python says it is not installed

import gradio as gr  # noqa: E402
from gradio.context import Context  # noqa: E402
from gradio.data_classes import ImageData, ListFiles  # noqa: E402
from gradio.processing_utils import save_bytes_to_cache, save_pil_to_cache  # noqa: E402
from gradio.utils import get_upload_folder  # noqa: E402
from gradio_client.utils import is_file_obj_with_meta, traverse  # noqa: E402

__all__ = [
    "GradioChanged", "ImageData", "ListFiles", "check", "close_schemas", "current_page", "files_of_page", "forget_file",
    "functions_in_queue", "get_upload_folder", "is_file_obj_with_meta", "keep_page_files", "limit_queues",
    "names_of_files_alone", "observe_events", "only", "read_with", "rewrite_tool_results", "save_bytes_to_cache",
    "save_pil_to_cache", "subclass", "tell_errors", "uploads_of",
]  # fmt: skip


class GradioChanged(RuntimeError):
    """The installed Gradio lacks something that the app changes or reads."""


@dataclass(frozen=True)
class Touched:
    """Something of Gradio's inside.

    Attributes:
        place: module and name, such as "gradio.queueing:Queue.push"; without a module, an attribute of an empty app.
        needs: the parameters that it must have.
        purpose: what the app does with it.
    """

    place: str
    purpose: str
    needs: tuple[str, ...] = ()


_WAITING, _FILES = "turn away who comes when too many wait", "remove a visitor's pictures when he has left"
_PROGRAMS, _TOOLS = "read nothing but uploads that a program names", "give MCP clients JSON and pictures"
_FIELDS = "give fields the files themselves, undecoded and under their own names"
TOUCHED = (
    Touched("gradio.queueing:Queue.push", _WAITING, ("body", "request", "username")),
    Touched("_queue.event_queue_per_concurrency_id", _WAITING),
    Touched("fns", _WAITING),
    Touched("gradio.queueing:EventQueue", _WAITING, ("concurrency_limit",)),
    Touched("gradio.blocks:Blocks.process_api", _FILES, ("block_fn", "inputs", "session_hash")),
    Touched("blocks", _FILES),
    Touched("upload_file_set", _FILES),
    Touched("temp_file_sets", _FILES),
    Touched("probe.keep_in_cache", _FILES),
    Touched("probe.temp_files", _FILES),
    Touched("gradio.blocks:Blocks.preprocess_data", _PROGRAMS, ("block_fn", "inputs")),
    Touched("gradio.blocks:BlockFunction", _PROGRAMS, ("_id", "concurrency_id")),
    Touched("gradio.components.api_component:Api", _PROGRAMS, ("_api_info",)),
    Touched("gradio.mcp:GradioMCPServer.postprocess_output_data", _TOOLS, ("data", "root_url")),
    Touched("gradio.mcp:GradioMCPServer.convert_strings_to_filedata", _TOOLS, ("value", "filedata_positions")),
    Touched("gradio.component_meta:ComponentMeta", _FIELDS),
    Touched("gradio:Image.preprocess", _FIELDS, ("payload",)),
    Touched("gradio:Image.postprocess", _FIELDS, ("value",)),
    Touched("gradio:File.preprocess", _FIELDS, ("payload",)),
    Touched("probe.GRADIO_CACHE", _FIELDS),
)
"""All that is touched and that an import alone would not find missing."""


def check() -> None:
    """Look whether all that is touched is still there.

    Raises:
        GradioChanged: some of it is not; the sentence names what, and what the app needs it for.
    """
    app = _empty_app()
    gone = [f"{touched.place} ({touched.purpose})" for touched in TOUCHED if not _is_there(touched, app)]
    if gone:
        raise GradioChanged(
            f"Gradio {gr.__version__} has changed what this app builds on: {'; '.join(gone)}. Install the version that "
            "is in requirements.txt: pip install -r requirements.txt."
        )


def _is_there(touched: Touched, app: gr.Blocks) -> bool:
    module, _, name = touched.place.rpartition(":")
    try:
        found = reduce(getattr, name.split("."), import_module(module) if module else app)
    except (ImportError, AttributeError):
        return False
    return not touched.needs or set(touched.needs) <= set(inspect.signature(found).parameters)


def _empty_app() -> gr.Blocks:
    """An app with a field called `probe`, for what only an object has."""
    with gr.Blocks(analytics_enabled=False) as app:
        app.probe = gr.HTML()
    return app


# ---- components


def subclass(component: type, **methods: Callable) -> type:
    """A component with some methods replaced, which the page shows as the component itself.

    A class, because Gradio makes a field anew from its class whenever an event changes or skips it. Made past Gradio's
    own metaclass, which would write a .pyi file beside the module at every import.
    """
    attributes = {"__module__": component.__module__, "is_template": True, **methods}
    return ABCMeta.__new__(type(component), component.__name__, (component,), attributes)


def read_with(field: Any, preprocess: Callable[[Any], Any]) -> Any:
    """Let this one field hand `preprocess(payload)` to functions: Gradio would decode the file before they run, and
    could then only show a bare "Error", or would lose the names that uploads had."""
    field.preprocess = preprocess
    return field


def current_page() -> gr.Blocks:
    """The app that is being laid out: what is built inside one of its tabs has no other way to its `load` event."""
    return Context.root_block


def only(app: gr.Blocks, component: type) -> Any:
    """The first component of this class on the page."""
    return next(block for block in app.blocks.values() if isinstance(block, component))


# ---- the queue


def limit_queues(app: gr.Blocks, longest: int, sentence: str) -> None:
    """Turn away with a sentence who comes when `longest` events wait in one line of those that wait for each other.

    Gradio's own `max_size` counts all lines together and would refuse to open the page, or to stop an answer, as well.
    To be called after `app.queue()`, which gets no limit of its own.
    """
    queue = app._queue
    push = queue.push

    async def pushed(body: Any, request: Any, username: str | None) -> tuple[bool, Any, str]:
        event = app.fns.get(body.fn_index)
        line = queue.event_queue_per_concurrency_id.get(event.concurrency_id) if event else None
        if line is not None and line.concurrency_limit is not None and len(line.queue) >= longest:
            return False, sentence, "queue_full"
        return await push(body, request, username)

    queue.push = pushed


def functions_in_queue(app: gr.Blocks, concurrency_id: str) -> Iterator[Any]:
    """The events, with their function `fn`, that wait in one line."""
    return (event for event in app.fns.values() if event.fn is not None and event.concurrency_id == concurrency_id)


# ---- files


def observe_events(app: gr.Blocks, observer: Callable[[str | None, Any], None], ended: Callable[[str], None]) -> None:
    """Tell `observer(session, data)` of all data that an event takes and gives, and `ended(session)` that it is over.

    Gradio has no hook for what a session holds; it only removes files by their age.
    """
    process: Callable[..., Awaitable[dict[str, Any]]] = app.process_api

    async def observed(block_fn: Any, inputs: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        session = options.get("session_hash")
        observer(session, inputs)
        output = await process(block_fn, inputs, *arguments, **options)
        observer(session, output["data"])
        if session:
            ended(session)
        return output

    app.process_api = observed


def tell_errors(app: gr.Blocks, sentence: Callable[[Exception], str]) -> None:
    """Let whatever goes wrong with an event reach who asked as a sentence: Gradio sends null for what is no
    `gr.Error`, such as an input that its own checks refuse."""
    process: Callable[..., Awaitable[dict[str, Any]]] = app.process_api

    async def told(*arguments: Any, **options: Any) -> dict[str, Any]:
        try:
            return await process(*arguments, **options)
        except gr.Error:
            raise
        except Exception as error:
            raise gr.Error(sentence(error), print_exception=False) from error

    app.process_api = told


def keep_page_files(app: gr.Blocks) -> None:
    """What the page itself shows stays: Gradio would remove the thumbnails of the example scenes when they are a day
    old, though every new visitor needs them (`delete_cache`)."""
    for block in app.blocks.values():
        block.keep_in_cache |= block.temp_files


def files_of_page(app: gr.Blocks) -> set[str]:
    """Files that the layout shows."""
    return set().union(*(block.keep_in_cache for block in list(app.blocks.values())))


def uploads_of(app: gr.Blocks) -> tuple[set[str], set[str]]:
    """(files that came from outside, all files that Gradio would remove when they are old)."""
    return set(app.upload_file_set), set().union(*app.temp_file_sets)


def forget_file(app: gr.Blocks, path: str) -> None:
    """A file that was removed is no longer on Gradio's own lists."""
    for files in app.temp_file_sets:
        files.discard(path)


# ---- programs


def close_schemas(app: gr.Blocks, event: Any, closed: Callable[[Any], Any]) -> int:
    """Put `closed(schema)` in the place of each input schema of an event from `gr.api`; returns the event number."""
    number = event["id"]
    for part in app.fns[number].inputs:
        part._api_info = closed(part._api_info)
    return number


def names_of_files_alone(app: gr.Blocks, events: Mapping[int, Callable[[list[Any]], list[Any]]]) -> None:
    """Hand these events the files' names alone: Gradio would fetch addresses, and refuse paths without a word.

    events: by number, what completes the inputs or refuses them with a `gr.Error`; Gradio itself refuses too few of
    them without a word.
    """
    prepare = app.preprocess_data

    async def prepared(block_fn: Any, inputs: list[Any], *arguments: Any, **options: Any) -> list[Any]:
        if block_fn._id in events:
            inputs = events[block_fn._id](traverse(inputs, _plain_file, _is_file))
        return await prepare(block_fn, inputs, *arguments, **options)

    app.preprocess_data = prepared


def _plain_file(file: dict[str, Any]) -> dict[str, Any]:
    """Where a file is, and what it was called where it came from."""
    return {name: file[name] for name in ("path", "orig_name") if isinstance(file.get(name), str)}


def _is_file(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("path"), str) and "meta" in value


def rewrite_tool_results(app: gr.Blocks, rewrite: Callable[[Any], Any]) -> None:
    """Give MCP clients `rewrite(results)` of a launched app's tools; does nothing where MCP is off.

    Gradio 6.31 writes Python's notation, and takes several results for one text where a client asks for no progress:
    a picture among them would only be an address.
    """
    server = app.mcp_server_obj
    if server is None:
        return
    content = server.postprocess_output_data
    # It would decode data: addresses without care, and repeat in its refusal whatever else was sent.
    server.convert_strings_to_filedata = lambda value, positions: value
    server.postprocess_output_data = lambda data, root_url: content(rewrite(data), root_url)
