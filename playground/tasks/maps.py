"""The maps of an answer: drawn when they are asked for, remembered, and set against the truth where it is known."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from playground.interpret.methods import METHODS, CannotExplain, explain, reason
from playground.models.generation.stopping import stopped_by
from playground.tasks.examples import Truth, truth_of

if TYPE_CHECKING:
    import threading

    import numpy as np

    from playground.interpret.forward.logit_lens import Lens
    from playground.interpret.methods.patches import PatchMap
    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel

BELIEVED, PLAIN = "patches", "attention"
"""The method whose maps point at the right thing most often, see `python -m playground maps`; what stands in for it."""
REMEMBERED = 64_000_000
"""How many bytes of maps are remembered for one answer; the oldest go first."""
QUICK = 3.0
"""Where the answer took no more seconds than this, the believed maps of all its words are drawn with the first one."""
_MOST_BYTES = 600_000_000  # of attention and its gradients for a default; who chooses the method may take more


@dataclass(frozen=True)
class View:
    """Which map: of which word, by which method, over which picture; layer and head None are all of them."""

    method: str
    word: int
    image: int = 0
    layer: int | None = None
    head: int | None = None


@dataclass(frozen=True, eq=False)
class WordMap:
    """Where a model looked for one word.

    word: its text. values: float32 (height, width) of the picture, of sum 1 or all zero. method: the name of the method
    that drew it. note: why it is not the method that was asked for; "" where it is.
    """

    word: str
    values: np.ndarray
    method: str
    note: str = ""


@dataclass(frozen=True, eq=False)  # compared by identity: a page may hash what it keeps
class AnswerMaps:
    """An answer, and the maps of it that were drawn so far.

    model: the name of the model that can run over it again; "" for an answer that came from a file.
    reasons: why each method draws no maps of this answer; None where it does. truths: what is known of each picture.
    drawn: maps of methods that run the model, as they were found. small: those of the believed one, not yet painted.
    lens: what the logit lens read, once it has.
    """

    trace: Trace
    model: str
    reasons: dict[str, str | None]
    truths: tuple[Truth | None, ...]
    drawn: OrderedDict[View, np.ndarray] = field(default_factory=OrderedDict)
    small: dict[View, PatchMap] = field(default_factory=dict)
    lens: list[Lens] = field(default_factory=list)

    @property
    def leans(self) -> tuple[float, ...]:
        """How much each word leans on the picture; () while nobody knows."""
        return self.trace.leans

    def lean(self, word: int) -> float | None:
        """How much a word leans on the picture, 0 to 1; None while nobody knows."""
        return self.leans[word] if self.leans else None


def answer_maps(trace: Trace, model: ChatModel | None = None) -> AnswerMaps:
    """What is to be kept of an answer. model: the one that gave it; without it only the trace is read again."""
    if model is None:
        away = "That takes another run of the model, and this answer came from a file: ask the model itself."
        reasons = {name: away if method.needs == "run" else None for name, method in METHODS.items()}
    else:
        reasons = {name: reason(name, model, trace) for name in METHODS}
    return AnswerMaps(trace, model.name if model else "", reasons, tuple(truth_of(image) for image in trace.images))


def with_leans(maps: AnswerMaps, model: ChatModel, *, stop: threading.Event | None = None) -> AnswerMaps:
    """The same with how much each word leans on the picture. Runs the model twice; `stop` ends that by Stopped."""
    from playground.interpret.forward.image_dependence import image_dependence

    with stopped_by(stop):
        return replace(maps, trace=replace(maps.trace, leans=image_dependence(model, maps.trace)))


def believed(maps: AnswerMaps) -> str:
    """The method to begin with: the most believed one where it draws maps and costs little, else attention."""
    trace = maps.trace
    tokens = (trace.answer.statistics.prompt_tokens or 0) + len(trace.pieces)
    costs = 8 * trace.layers * trace.heads * tokens**2
    return BELIEVED if maps.reasons[BELIEVED] is None and costs < _MOST_BYTES else PLAIN


def has_view(maps: AnswerMaps, view: View) -> bool:
    """Whether this answer has the word, picture, layer and head that a view is of."""
    trace = maps.trace
    limits = (
        (view.word, len(trace.words)), (view.image, len(trace.image_sizes)),
        (view.layer, trace.layers), (view.head, trace.heads),
    )  # fmt: skip
    return all(value is None or value in range(limit) for value, limit in limits)


def checked_view(maps: AnswerMaps, view: View) -> View:
    """The view without what its method does not look at, so that the same map is never drawn twice.

    Raises IndexError for a word, picture, layer or head that is not there, KeyError for such a method.
    """
    trace = maps.trace
    controls = METHODS[view.method].controls
    layer, head = (getattr(view, name) if name in controls else None for name in ("layer", "head"))
    limits = (
        (view.word, len(trace.words)), (view.image, len(trace.image_sizes)), (layer, trace.layers), (head, trace.heads)
    )  # fmt: skip
    for value, limit in limits:
        if value is not None and value not in range(limit):
            raise IndexError(f"{value} is not there, there are {limit}")
    return replace(view, layer=layer, head=head)


def ready_map(maps: AnswerMaps, view: View) -> np.ndarray | None:
    """The map (height, width) of a view where it takes no run of the model, or was drawn before; else None."""
    view = checked_view(maps, view)
    if METHODS[view.method].needs == "trace":
        return explain(view.method, None, maps.trace, view.word, image=view.image, layer=view.layer, head=view.head)
    small = maps.small.get(view)
    return maps.drawn.get(view) if small is None else small.painted()


def drawn_map(maps: AnswerMaps, model: ChatModel, view: View, *, stop: threading.Event | None = None) -> np.ndarray:
    """The map (height, width) of a view, remembered from now on. Raises what `explain` raises.

    The believed method draws all words of a quick answer at once: a word costs a pass back, and no run of its own.
    stop: set it to end the run of the model, within a layer; then Stopped is raised.
    """
    found = ready_map(maps, view)
    if found is None and view.method == BELIEVED:
        from playground.interpret.methods.patches import patch_maps

        quick = maps.trace.answer.statistics.seconds <= QUICK
        words = range(len(maps.trace.words)) if quick else [view.word]
        with stopped_by(stop):
            drawn = patch_maps(model, maps.trace, words, image=view.image)
        maps.small.update({View(BELIEVED, word, view.image): each for word, each in zip(words, drawn, strict=True)})
        return ready_map(maps, view)
    if found is None:
        view = checked_view(maps, view)
        place = {"image": view.image, "layer": view.layer, "head": view.head}
        found = explain(view.method, model, maps.trace, view.word, stop=stop, **place)
        maps.drawn[view] = found
        while len(maps.drawn) > 1 and sum(values.nbytes for values in maps.drawn.values()) > REMEMBERED:
            maps.drawn.popitem(last=False)
    return found


def word_map(
    model: ChatModel, trace: Trace, word: int, method: str = BELIEVED, *, stop: threading.Event | None = None
) -> WordMap:
    """One map of one word, by a method of METHODS; by plain attention, with a note, where that cannot draw it.

    stop: set it to end the run of the model, within a layer; then Stopped is raised. Raises CannotExplain where there
    is no such method or no attention, IndexError for a word that is not there.
    """
    text = trace.words[word].text
    try:
        return WordMap(text, explain(method, model, trace, word, stop=stop), method)
    except CannotExplain as error:
        if method == PLAIN or method not in METHODS:
            raise
        values = explain(PLAIN, model, trace, word)
        return WordMap(text, values, PLAIN, f"{error} This is its attention instead.")


def read_lens(maps: AnswerMaps, model: ChatModel, *, stop: threading.Event | None = None) -> Lens:
    """What the logit lens reads of this answer, remembered from now on.

    stop: set it to end the run of the model; then Stopped is raised. Raises what `logit_lens` raises.
    """
    from playground.interpret.forward.logit_lens import logit_lens

    if not maps.lens:
        with stopped_by(stop):
            maps.lens.append(logit_lens(model, maps.trace))
    return maps.lens[0]


def telling_word(maps: AnswerMaps) -> int:
    """The word to begin with, see `most_telling`."""
    return most_telling([word.text for word in maps.trace.words], maps.leans, maps.truths)


def most_telling(words: Sequence[str], leans: Sequence[float], truths: Iterable[Truth | None]) -> int:
    """The first word that names a true thing, else the longest of those that lean on the picture; 0 of none.

    leans: how much each does, () where nobody knows.
    """
    from playground.interpret.forward.image_dependence import says_little

    known = [truth for truth in truths if truth]
    for index, text in enumerate(words):
        if any(truth.named_in([text]) for truth in known):
            return index
    return max(
        range(len(words)),
        key=lambda index: (not says_little(words[index], leans[index] if leans else None), len(words[index])),
        default=0,
    )


def scored_noun(maps: AnswerMaps, word: int, image: int = 0) -> str | None:
    """The true thing of a picture that a word names, else the question; None where neither does, or without truth."""
    truth = maps.truths[image]
    return truth.named_in([maps.trace.words[word].text, maps.trace.question]) if truth else None


def nouns_of(maps: AnswerMaps, image: int = 0) -> Sequence[str]:
    """The names of a picture's true things, each once; none without truth."""
    truth = maps.truths[image]
    return list(dict.fromkeys(truth.nouns)) if truth else []
