"""The files that a checkpoint's words and pictures are read by, an adapter's own laid over those of its base."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from playground.models.loading.own_config import cleaned

_TOKENIZER = (
    *("tokenizer.json", "tokenizer_config.json", "vocab.*", "merges.txt", "*.model", "added_tokens.json"),
    *("special_tokens_map.json", "tekken.json"),
)
_TEMPLATES = ("chat_template.jinja", "chat_template.json")
_PICTURES = ("processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json")
_LARGEST = 100_000_000  # bytes; tokenizers have tens of millions


@contextlib.contextmanager
def reading_files(base: Path, adapter: Path | None) -> Iterator[tuple[Path, bool]]:
    """A folder with the files that words and pictures are read by: the base's, and over them the adapter's own.

    Its config.json is `cleaned`: processors and tokenizers read it too. The second value tells whether the adapter
    brought any file.
    """
    own = set() if adapter is None else {file.name for file in adapter.iterdir() if _reads(file)}
    with tempfile.TemporaryDirectory(prefix="playground-reading-") as made:
        folder = Path(made)
        (folder / "config.json").write_text(json.dumps(cleaned(base)), encoding="utf-8")
        for file in base.iterdir():
            if _reads(file) and not _replaced(file.name, own, adapter):
                _link(file, folder / file.name)
        for file in own:
            (folder / file).unlink(missing_ok=True)
            _link(adapter / file, folder / file)
        yield folder, bool(own)


def _link(file: Path, place: Path) -> None:
    try:
        place.symlink_to(file.resolve())
    except OSError:  # a file system without links
        shutil.copyfile(file, place)


def _reads(file: Path) -> bool:
    wanted = any(fnmatch(file.name, pattern) for pattern in (*_TOKENIZER, *_TEMPLATES, *_PICTURES))
    return wanted and file.is_file() and file.stat().st_size < _LARGEST


def _replaced(file: str, own: set[str], adapter: Path | None) -> bool:
    """Whether a file of the base has no place beside the adapter's own."""
    if adapter is None:
        return False
    if any(fnmatch(file, pattern) for pattern in _TOKENIZER):
        return bool(own & {"tokenizer.json", "vocab.json", "vocab.txt", "tokenizer.model"})
    if file in _TEMPLATES:
        settings = adapter / "tokenizer_config.json"
        in_settings = settings.is_file() and '"chat_template"' in settings.read_text(encoding="utf-8")
        return in_settings or bool(own & set(_TEMPLATES))
    return False
