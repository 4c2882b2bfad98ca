"""All settings in one place: environment variables, and the options of the command line that stand before them.

    from playground.settings import read

    print(read().port)

`read` takes a fifth of a millisecond, so whoever wants a setting reads it when it is wanted. The app reads all of them
at its start, before anything heavy is imported, and ends with a sentence for each one that cannot be.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PORTS = "a whole number from 0 to 65535, where 0 takes any free port"
_SIZE, _HOST = re.compile(r"[1-9]\d{0,5}(kb|mb|gb)"), re.compile(r"[^\s/@#?\[\]]+")


class SettingError(ValueError):
    """One or more settings cannot be used; the message has a sentence for each, a line each."""


def unquoted(value: str) -> str:
    """The value without quotes around the whole of it: files of variables for Docker keep them."""
    plain = value.strip()
    return plain[1:-1].strip() if len(plain) > 1 and plain[0] == plain[-1] and plain[0] in "\"'" else value


def _switch(value: Any) -> Any:
    """Nothing is no; everything else is left to the library, which knows yes, no, true, false, on, off, 1 and 0."""
    return value if not isinstance(value, str) else value.strip() or "false"


def _lenient_switch(value: Any) -> bool:
    return str(value).strip().lower() in ("1", "t", "true", "y", "yes", "on")


def _host(value: str) -> str:
    """An address or a name without the brackets of IPv6."""
    host = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    if not _HOST.fullmatch(host) or host.count(":") == 1:
        raise ValueError("no host")
    return host


def _server(value: str) -> str:
    """A server's address without a model's name and the last slash."""
    address = value.partition("#")[0].rstrip("/")
    parts = urlsplit(address)
    known = parts.scheme.lower() in ("http", "https") and parts.hostname and parts.username is None
    if address and not known or re.search(r"\s", address):
        raise ValueError("no address")
    parts.port  # noqa: B018  raises ValueError where it is none
    return address


def _size(value: str) -> str:
    size = value.lower().replace(" ", "")
    if not _SIZE.fullmatch(size):
        raise ValueError("no size")
    return size


def _root(value: str) -> str:
    if not value.startswith(("/", "http://", "https://")):
        raise ValueError("no path")
    return value


Switch = Annotated[bool, BeforeValidator(_switch)]
_SWITCHES = {"GRADIO_SHARE", "PLAYGROUND_ALLOW_HUB", "PLAYGROUND_PUBLIC", "GRADIO_DEBUG"}
_YES_NO = "1, true, yes or on, or else 0, false, no, off or nothing at all"
_COUNT = "a whole number from 1 on"


class Settings(BaseSettings):
    """What can be set, checked and frozen. The variable of each is its alias, what it accepts its description.

    Attributes:
        host, port, share, root_path, temporary_folder: where and how the page is served, as Gradio names them.
        model: the chat model to begin with, from wherever it is; visitors of a public page may have it.
        server, server_key: a server that visitors may use, and its key, which goes to no other.
        allow_hub: whether visitors of a public page may load any Hub id.
        public: whether strangers use this page; by default a Hugging Face Space is public, nothing else.
        max_upload: the largest file that is taken, such as "20mb", which is the default of a public page (else 50 MB).
        image_tokens: the most tokens that a picture may cost; see `playground.models.picture_tokens`.
        queue: how many questions may wait at once; who comes then is asked to try again.
        zero_gpu: whether this is a ZeroGPU Space.
    The others are read by Gradio itself, which ends in a traceback where they are wrong.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", case_sensitive=True, str_strip_whitespace=True, validate_default=False
    )

    host: Annotated[str, AfterValidator(_host)] = Field(
        "127.0.0.1",
        alias="GRADIO_SERVER_NAME",
        description="an address or a name of this machine without http:// and port, such as 127.0.0.1, 0.0.0.0 or ::1",
    )
    port: int = Field(7860, alias="GRADIO_SERVER_PORT", ge=0, le=65535, description=PORTS)
    share: Switch = Field(False, alias="GRADIO_SHARE", description=_YES_NO)
    root_path: Annotated[str, AfterValidator(_root)] = Field(
        "/", alias="GRADIO_ROOT_PATH", description="a path such as /playground, or a whole address"
    )
    temporary_folder: str = Field("", alias="GRADIO_TEMP_DIR", description="a folder that can be written to")
    model: str = Field("moji-vlm", alias="PLAYGROUND_MODEL", description="the name of a model")
    server: Annotated[str, AfterValidator(_server)] = Field(
        "",
        alias="PLAYGROUND_SERVER",
        description="an address like http://host:8000/v1 without a password (a key goes into PLAYGROUND_SERVER_KEY)",
    )
    server_key: SecretStr = Field(SecretStr(""), alias="PLAYGROUND_SERVER_KEY", description="a key", repr=False)
    allow_hub: Switch = Field(False, alias="PLAYGROUND_ALLOW_HUB", description=_YES_NO)
    public: Switch | None = Field(None, alias="PLAYGROUND_PUBLIC", description=_YES_NO)
    max_upload: Annotated[str, AfterValidator(_size)] = Field(
        "", alias="PLAYGROUND_MAX_UPLOAD", description="a number and its unit, kb, mb or gb, such as 20mb"
    )
    queue: int = Field(
        64, alias="PLAYGROUND_QUEUE", ge=1, le=999_999, description="a whole number from 1 to 999999, such as 64"
    )
    image_tokens: int | None = Field(
        None,
        alias="PLAYGROUND_IMAGE_TOKENS",
        ge=0,
        le=1_000_000,
        description="a whole number such as 2048, or 0 for as many as each model's own settings have",
    )
    space: str = Field("", alias="SPACE_ID", description="the name of a Space")
    zero_gpu: Annotated[bool, BeforeValidator(_lenient_switch)] = Field(False, alias="SPACES_ZERO_GPU")

    gradio_debug: Switch = Field(False, alias="GRADIO_DEBUG", description=_YES_NO)
    gradio_ports: int | None = Field(None, alias="GRADIO_NUM_PORTS", ge=1, description=_COUNT)
    gradio_node_ports: int | None = Field(None, alias="GRADIO_NODE_NUM_PORTS", ge=1, description=_COUNT)
    gradio_workers: int | None = Field(None, alias="GRADIO_NUM_WORKERS", ge=0, description="a whole number from 0 on")
    gradio_events: int | None = Field(None, alias="GRADIO_ANALYTICS_MAX_EVENTS", ge=1, description=_COUNT)
    gradio_heartbeat: float | None = Field(
        None, alias="GRADIO_HEARTBEAT_INTERVAL", gt=0, allow_inf_nan=False, description="a number of seconds above 0"
    )

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, given: dict[str, Any]) -> dict[str, Any]:
        given = {name: unquoted(value) if isinstance(value, str) else value for name, value in given.items()}
        return {name: value for name, value in given.items() if name in _SWITCHES or str(value).strip()}

    @property
    def is_public(self) -> bool:
        """Whether strangers use this page: as it was set, or because this is a Hugging Face Space."""
        return bool(self.space) if self.public is None else self.public

    @property
    def largest_upload(self) -> str:
        """The largest file that is taken, such as "20mb"."""
        return self.max_upload or ("20mb" if self.is_public else "50mb")


_VARIABLES = {str(field.alias): name for name, field in Settings.model_fields.items()}
OPTIONS = ("host", "port", "model", "image_tokens", "share")
"""The settings that the command line has an option for, named --host and so on."""


def read(options: Mapping[str, Any] | None = None) -> Settings:
    """The settings as they are now. A variable that holds nothing counts as not set; a switch is off then.

    Args:
        options: what the command line said, by the setting's name; None where it said nothing.

    Raises:
        SettingError: each wrong one by its name, with what it holds and what is accepted.
    """
    typed = {name: value for name, value in (options or {}).items() if value is not None}
    try:
        return Settings(**{str(Settings.model_fields[name].alias): value for name, value in typed.items()})
    except ValidationError as error:
        raise SettingError("\n".join(_sentences(error, typed))) from None


def _sentences(error: ValidationError, typed: Mapping[str, Any]) -> list[str]:
    """One for each wrong setting; a key is not shown."""
    found: dict[str, str] = {}
    for wrong in error.errors(include_url=False, include_context=False):
        name = _VARIABLES[str(wrong["loc"][0])]
        field = Settings.model_fields[name]
        said = f"--{name.replace('_', '-')}" if name in typed else str(field.alias)
        value = "cannot be used" if name == "server_key" else f"is “{_short(wrong['input'])}”"
        found[name] = f"{said} {value}. Accepted is {field.description}."
    return list(found.values())


def _short(value: Any) -> str:
    """What was given, on one line, without a password that may stand in an address."""
    text = re.sub(r"//[^/@\s]*@", "//…@", " ".join(str(value).split()))
    return text if len(text) <= 80 else f"{text[:77]}…"


def unknown(variables: Iterable[str]) -> list[str]:
    """A sentence for each variable that looks like a setting of the playground and is none."""
    own = [alias for alias in _VARIABLES if alias.startswith("PLAYGROUND_")]
    sentences = []
    for name in sorted(variables):
        if name.startswith("PLAYGROUND_") and name not in own:
            near = difflib.get_close_matches(name.partition("_")[2], [each.partition("_")[2] for each in own], n=1)
            meant = f"Is PLAYGROUND_{near[0]} meant?" if near else f"There are {', '.join(own)}."
            sentences.append(f"There is no setting {name}; it changes nothing. {meant}")
    return sentences


def export(settings: Settings, variables: MutableMapping[str, str]) -> None:
    """Write into the environment what others read from there: Gradio at its import, and processes begun later.

    Gradio takes the server's name and port to be its own and tries them out by IPv4: they are handed to it at launch.
    """
    variables["PLAYGROUND_MODEL"] = settings.model  # what the owner chose is allowed on a public page too
    if settings.image_tokens is not None:
        variables["PLAYGROUND_IMAGE_TOKENS"] = str(settings.image_tokens)
    for alias in ("GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "GRADIO_NUM_PORTS"):
        variables.pop(alias, None)
    for alias in _VARIABLES:
        if alias.startswith("GRADIO_") and alias in variables:
            variables[alias] = unquoted(variables[alias])
            if not variables[alias].strip():
                del variables[alias]
    if "GRADIO_DEBUG" in variables:
        variables["GRADIO_DEBUG"] = str(int(settings.gradio_debug))
