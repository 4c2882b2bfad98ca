"""What the endpoints for programs share: uploads become pictures, errors one sentence, results plain JSON.

A program names files as it likes. Only what it uploaded before is read: no other path of this machine, and no
address is ever fetched.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial, wraps
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints
from urllib.parse import unquote

import gradio as gr
from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from playground.imaging.addresses import is_address, is_written_out, read_out
from playground.imaging.full_size import open_full
from playground.imaging.opening import Picture, open_picture
from playground.tasks import TaskError, whole_text
from playground.ui import error_messages as troubles
from playground.ui.components.streaming import MODEL_QUEUE
from playground.ui.gradio_patches import close_schemas, get_upload_folder, names_of_files_alone, save_pil_to_cache
from playground.ui.hosting import check_allowed
from playground.ui.loaded import must_download

if TYPE_CHECKING:
    from PIL import Image
    from pydantic_core import ErrorDetails

    from playground.models.messages import Statistics

Upload = Annotated[gr.FileData, BeforeValidator(lambda value: {"path": value} if isinstance(value, str) else value)]
"""A picture that a program sends: what `gradio_client.handle_file` makes of a file, or a `data:` address."""
Phrases = Annotated[str, BeforeValidator(lambda value: _joined(value))]
"""Several phrases, separated by commas; a program may send a list of them as well."""


class Said(TypedDict, total=False):
    """A turn of a talk: `role` is "user" or "assistant"; `pictures` come before the text."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]  # as pydantic documents it

    role: str
    text: str
    pictures: list[Upload]


_KINDS = {"string": "a text", "float": "a number", "int": "a whole number", "list": "a list", "dict": "an object"}
_SERVED = "/gradio_api/file="
_NOT_FETCHED = (
    "Addresses are not fetched. Upload the picture itself: gradio_client's handle_file(path) does so, and "
    "`gradio upload-mcp` for MCP clients; or send it as a data: address."
)
_NOT_UPLOADED = (
    "Only a picture that was uploaded here is read. Upload yours first: gradio_client's handle_file(path) does; or "
    "send the file itself in base64, as data:image/png;base64,…"
)


def serve(app: gr.Blocks, functions: Sequence[Callable]) -> None:
    """Offer typed functions as named endpoints and MCP tools, each under its own name.

    Their docstrings describe them and their parameters. All but `gr.Request`s come from the program, are checked
    against the type hints, and a picture is an `Upload`. Those that run a model wait in the line of all.
    """
    events = {}
    for function in functions:
        runs_model = "model" in inspect.signature(function).parameters
        line = MODEL_QUEUE if runs_model else {"queue": False}
        event = gr.api(_answering(function), api_name=function.__name__, **line)
        events[close_schemas(app, event, _closed)] = partial(_completed, function)
    names_of_files_alone(app, events)


def _completed(function: Callable, arguments: list[Any]) -> list[Any]:
    """The arguments that a program sent in their order, with the defaults of those that it left out at the end."""
    hints = get_type_hints(function)
    wanted = [part for name, part in inspect.signature(function).parameters.items() if hints[name] is not gr.Request]
    needed = sum(part.default is inspect.Parameter.empty for part in wanted)
    if len(arguments) < needed:
        names = ", ".join(part.name for part in wanted)
        raise gr.Error(
            f"/{function.__name__} takes {names}, in this order, and needs the first {needed}; {len(arguments)} came.",
            print_exception=False,
        )
    return [*arguments, *(part.default for part in wanted[len(arguments) :])]


def _answering(function: Callable) -> Callable:
    """The function with its arguments checked, and whatever goes wrong told in a sentence."""
    signature = inspect.signature(function, eval_str=True)
    hints = get_type_hints(function, include_extras=True)
    kinds = {name: TypeAdapter(hint) for name, hint in hints.items() if name not in ("request", "return")}

    def checked(arguments: tuple) -> dict[str, Any]:
        given = signature.bind(*arguments).arguments
        return {name: _checked(name, value, kinds.get(name)) for name, value in given.items()}

    @wraps(function)
    def answered(*arguments: Any) -> Any:
        try:
            return function(**checked(arguments))
        except Exception as error:
            raise _told(error) from None

    @wraps(function)
    def streamed(*arguments: Any) -> Iterator[Any]:
        try:
            yield from function(**checked(arguments))
        except Exception as error:
            raise _told(error) from None

    called = streamed if inspect.isgeneratorfunction(function) else answered
    # Gradio reads from here what is returned, and of a generator wants to know what it yields.
    returned = signature.return_annotation
    returned = get_args(returned)[0] if called is streamed else returned
    called.__signature__ = signature.replace(return_annotation=returned)
    return called


def _checked(name: str, value: Any, kind: TypeAdapter | None) -> Any:
    for text in _texts(value):
        whole_text(text, name)
    try:
        return value if kind is None else kind.validate_python(value)
    except ValidationError as error:
        raise TaskError(_misfit(name, error.errors()[0])) from None


def _texts(value: Any) -> Iterator[str]:
    """All texts that stand anywhere in what a program sent."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for part in (*value, *value.values()) for text in _texts(part))
    elif isinstance(value, list | tuple):
        yield from (text for part in value for text in _texts(part))


def _misfit(name: str, error: ErrorDetails) -> str:
    """What is wrong with an argument, in a sentence."""
    missing, kind = error["type"] == "missing", error["type"].partition("_")[0]
    loc = error["loc"][:-1] if missing else error["loc"]
    place = ", ".join((name, *(f"item {part + 1}" if isinstance(part, int) else part for part in loc)))
    if error["type"] == "extra_forbidden":
        return f"{name}{''.join(f', item {part + 1}' for part in loc if isinstance(part, int))}: there is no key " + (
            f"{_named(loc[-1])}. A turn has {', '.join(Said.__annotations__)}; what was said stands under “text”."
        )
    if missing or kind == "model":
        wrong = "There is no picture" if error["input"] is None else "This is no picture that was uploaded"
        return f"{place}: {wrong}. Send what gradio_client's handle_file(path) makes of a file, or a data: address."
    if kind not in _KINDS:
        return f"{place} cannot be read: {error['msg'][0].lower()}{error['msg'][1:]}."
    return f"{place} must be {_KINDS[kind]}, not {_named(error['input'])}."


def _named(value: Any) -> str:
    """A value that a program sent by mistake, in a sentence."""
    if isinstance(value, str):
        if len(value) > 200:
            return f"a text of {len(value):,} characters"
        value = value.encode("utf-8", "backslashreplace").decode()
        return f"“{value}”" if len(value) <= 40 else f"“{value[:40]}…”"
    kinds = {type(None): "nothing", bool: str(value).lower(), list: "a list", dict: "an object"}
    return kinds.get(type(value), str(value))


def _joined(value: Any) -> Any:
    """A list of phrases as one text, in which each stays one, whatever commas it has; anything else as it is."""
    listed = isinstance(value, list) and all(isinstance(part, str) for part in value)
    return json.dumps(value) if listed else value


def _told(error: Exception) -> gr.Error:
    return gr.Error(troubles.sentence(error), print_exception=False)


def _closed(schema: Any) -> Any:
    """The schema with no other keys than those it names: Gradio's MCP server would read a file of this machine that a
    stranger names under one of his own."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(part) for name, part in schema.items()}
    if "properties" not in schema:
        return closed
    return closed | {"propertyNames": {"enum": list(schema["properties"])}}  # Gradio chokes on additionalProperties


def picture_of(upload: gr.FileData) -> Picture:
    """Open what a program uploaded.

    Raises:
        TaskError: it was not uploaded here.
        MediaError: it is no usable picture.
    """
    return open_picture(_uploaded(upload.path))


def _uploaded(name: str) -> Path | bytes:
    """The file of the cache that this path or address of ours names, or what a `data:` address or base64 holds."""
    if is_written_out(name):
        return read_out(name)
    if is_address(name):
        _, ours, name = name.partition(_SERVED)
        if not ours:
            raise TaskError(_NOT_FETCHED)
        name = unquote(name)
    try:
        path = Path(name).resolve()
        kept = path.is_relative_to(Path(get_upload_folder()).resolve()) and path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        kept = False
    if not kept:
        raise TaskError(_NOT_UPLOADED)
    return path


def full_picture_of(upload: gr.FileData, opened: Picture) -> Picture:
    """What `picture_of` opened, at its own size: what goes out again is as large as what came."""
    return opened if opened.image.size == opened.size else open_full(_uploaded(upload.path))


def picture_file(image: Image.Image, upload: gr.FileData) -> gr.FileData:
    """A picture to send to a program: a PNG in Gradio's cache, called as the upload that it was made of."""
    own = "" if is_written_out(upload.path) else upload.orig_name or unquote(upload.path)
    name = f"{PurePosixPath(own.replace(chr(92), '/')).stem[:80] or 'picture'}.png"
    path = save_pil_to_cache(image, cache_dir=get_upload_folder(), format="png", name=PurePosixPath(name).stem)
    return gr.FileData(path=path, orig_name=name, mime_type="image/png")


def figures(statistics: Statistics) -> dict[str, Any]:
    """What an answer took, as JSON; see `playground.models.messages.Statistics`."""
    return statistics.as_record()


def here(name: str) -> str:
    """The model's name.

    Raises:
        TaskError: visitors of a public page may not have it; or it would first be downloaded: gigabytes, under a
            licence that nobody has seen.
    """
    check_allowed(name)
    if must_download(name):
        raise TaskError(
            f"{name} is not on this machine yet. Load it once on the page, where its size and licence stand; "
            "then programs can use it too."
        )
    return name
