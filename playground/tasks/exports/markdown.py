"""What a visitor or a model wrote, as Markdown that shows it: what looks like a tag is read, not obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

_FENCE = re.compile(r"^((`|~)\2{2,})([^\n`]*)\n(.*?)(?:^\1\2*[ \t]*(?:\n|\Z)|\Z)", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?<!`)(`+)(?!`)([^`\n]*[&<>][^`\n]*)(?<!`)\1(?!`)")


def harmless_markdown(text: str) -> str:
    """The text for a page that turns Markdown into HTML: headings, lists and code show, tags are shown as they are.

    No picture is fetched from an address in it. Code becomes HTML in which every sign stands for itself, because
    Markdown would show the escapes in it.
    """
    return "".join(_block(part) if part[0] in "`~" else _words(part) for part in _parts(text))


def portable_markdown(text: str) -> str:
    """The same for a file: blocks of code stay as they are, for readers that colour them."""
    return "".join(part if part[0] in "`~" and _FENCE.match(part) else _literal(part) for part in _parts(text))


def _parts(text: str) -> Iterator[str]:
    """The text cut into blocks of code, fences and all, and what is between them; none is empty."""
    end = 0
    for block in _FENCE.finditer(text):
        if text[end : block.start()]:
            yield text[end : block.start()]
        yield block[0]
        end = block.end()
    if text[end:]:
        yield text[end:]


def _words(text: str) -> str:
    """Words, maybe with code among them."""
    pieces, end = [], 0
    for code in _CODE.finditer(text):
        pieces += [_literal(text[end : code.start()]), f"<code>{_numbered(code[2])}</code>"]
        end = code.end()
    return "".join([*pieces, _literal(text[end:])])


def _literal(text: str) -> str:
    """Tags to be read; and no picture, which would be fetched from wherever its address says."""
    return escape(text, quote=False).replace("![", "!&#91;")


def _block(part: str) -> str:
    """A block of code as HTML; what only begins like one is words."""
    found = _FENCE.match(part)
    if found is None:
        return _words(part)
    language = re.sub(r"\W.*", "", found[3].strip(), flags=re.DOTALL)
    return f'\n<pre><code class="language-{language}">{_numbered(found[4])}</code></pre>\n'


def _numbered(text: str) -> str:
    """Every sign by its number, so that Markdown finds none of its own in it."""
    return "".join(sign if sign.isalnum() or sign in " \n" else f"&#{ord(sign)};" for sign in text)
