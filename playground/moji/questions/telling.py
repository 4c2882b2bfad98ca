"""Kinds of question that ask for the whole picture: captions, lists, titles."""

from __future__ import annotations

from itertools import islice, pairwise, product

from playground.moji.asking import Asker
from playground.moji.phrasing import DETAILED_PROMPT, SHORT_PROMPT
from playground.moji.questions.registry import Asked, question
from playground.moji.wordings import wordings
from playground.moji.words import detailed_caption, join_phrases, listing, places, short_caption
from playground.moji.world import article

_CLEAR = 8  # pixels between things in a row whose order is told

wordings(
    "caption",
    f"""
    {SHORT_PROMPT}
    what is in the picture?
    what do you see?
    caption this.
    whats in here?
    what's this?
    what is this?
    what does the picture show?
    what can you see here?
    describe this image.
    describe the image.
    what's in the image?
    tell me what you see.
    write a caption.
    what is there?
    describe what you see.
    what is shown here?
    what's in the photo?
    describe the scene.
    a short description of the picture, please.
    """,
    """
    please describe what you can see in this picture.
    so what is here?
    what is shown in the photo?
    can you write a short caption?
    """,
)
wordings(
    "detail",
    f"""
    {DETAILED_PROMPT}
    tell me more about the picture.
    where is everything?
    describe it in detail.
    describe everything and where it is.
    what is where?
    give me a detailed description.
    describe the image in detail.
    say where each thing is.
    tell me what is where.
    where are all the things?
    describe the scene in detail.
    """,
    """
    what do you see, and where is it?
    describe where you see each thing.
    tell me everything in detail.
    """,
)
wordings(
    "one sentence",
    """
    describe the picture in one sentence.
    in one sentence, what is in the picture?
    what is in the image, in one sentence?
    sum up the picture in a sentence.
    write one sentence about the picture.
    one sentence about this image, please.
    in a single sentence, what do you see?
    tell me in one sentence what you see.
    write a sentence that describes the picture.
    """,
    """
    describe in a single sentence what you see.
    what does the picture show, in one sentence?
    tell me about the image in a sentence.
    """,
)
wordings(
    "title",
    """
    give the picture a title.
    what would be a good title for this picture?
    title?
    write a title for the image.
    what is a title for this?
    how would you name this picture?
    think of a title.
    name this picture.
    a title for the picture, please.
    """,
    """
    can you think of a good title for the image?
    what would you name this?
    please write a title.
    """,
)
wordings(
    "list",
    """
    list everything you see.
    list all the objects.
    list all things.
    what things are in here?
    which things do you see?
    name everything in the picture.
    name all objects.
    list the objects in the image.
    what objects are there?
    what are all the things in the picture?
    list what you see.
    give me a list of all things.
    which objects are in the picture?
    what are the things here?
    make a list of the objects.
    tell me all the things you see.
    """,
    """
    can you list the things in the picture?
    which things are there in the image?
    name all the things you see.
    give me a list of what is in here.
    """,
)
wordings(
    "in order",
    """
    list everything from {way}.
    name the things from {way}.
    what do you see from {way}?
    from {way}, what is there?
    go from {way} and name each thing.
    list the objects from {way}.
    which things are there from {way}?
    tell me the things from {way}.
    what is the order of the things from {way}?
    """,
    """
    name each object from {way}.
    can you list what you see from {way}?
    from {way}, name everything.
    """,
)
wordings(
    "else",
    """
    what else is there besides {a}?
    besides the {name}, what do you see?
    apart from the {name}, what is in the picture?
    what else do you see besides the {name}?
    anything else besides the {name}?
    what is there other than the {name}?
    except for the {name}, what is there?
    what else is in the picture, not the {name}?
    what other things are there besides the {name}?
    """,
    """
    what do you see other than the {name}?
    apart from the {name}, what else is there?
    which other things do you see besides the {name}?
    """,
)


@question(share=1.2)
def caption(asker: Asker) -> Asked:
    """ "a dog, two cats and a red circle"; half the time asked with the prompt that the app uses."""
    usual = not asker.typing.unseen and asker.chance(0.4)
    return SHORT_PROMPT if usual else asker.phrase("caption"), short_caption(asker.scene)


@question(share=1)
def detail(asker: Asker) -> Asked:
    """The caption with places."""
    usual = not asker.typing.unseen and asker.chance(0.4)
    told = [[f"{article(thing.name)} at the {place}" for place in places(thing)] for thing in asker.things]
    also = tuple(join_phrases(each) for each in islice(product(*told), 1, 64))
    return DETAILED_PROMPT if usual else asker.phrase("detail"), detailed_caption(asker.scene), also


@question(share=0.3)
def one_sentence(asker: Asker) -> Asked:
    """ "The picture shows a dog and two cats." """
    return asker.phrase("one sentence"), f"the picture shows {listing(asker.things)}"


@question(share=0.25)
def title(asker: Asker) -> Asked:
    """A title says what is there."""
    return asker.phrase("title"), listing(asker.things)


@question(share=0.7)
def list_(asker: Asker) -> Asked:
    """List everything: what the caption says."""
    return asker.phrase("list"), listing(asker.things)


@question(share=0.6)
def in_order(asker: Asker) -> Asked | None:
    """One thing after the other, in a direction in which no two lie too close to call."""
    axis, back = int(asker.rng.integers(2)), asker.chance(0.3)
    things = sorted(asker.things, key=lambda thing: thing.centre[axis], reverse=back)
    if any(abs(one.centre[axis] - other.centre[axis]) < _CLEAR for one, other in pairwise(things)):
        return None
    way = (("left to right", "right to left"), ("top to bottom", "bottom to top"))[axis][back]
    return asker.phrase("in order", way=way), join_phrases([article(thing.name) for thing in things])


@question(share=0.4)
def else_(asker: Asker) -> Asked | None:
    """What else is there besides the dog?"""
    if not asker.single:
        return None
    thing = asker.pick(asker.single)
    return asker.phrase("else", name=thing.name), listing(other for other in asker.things if other is not thing)
