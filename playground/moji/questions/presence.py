"""Kinds of question that ask whether something is there: plain, negated, tagged, of two things, of a kind."""

from __future__ import annotations

from playground.moji.asking import Asker
from playground.moji.questions.registry import Asked, question
from playground.moji.wordings import wordings
from playground.moji.words import counted, listing, plural_name
from playground.moji.world import article

wordings(
    "exists",
    """
    is there {a}?
    is there {a} in the picture?
    do you see {a}?
    can you see {a}?
    are there any {plural}?
    any {plural}?
    is there {a} here?
    do you see any {plural}?
    does the picture have {a}?
    is {a} in the image?
    are there {plural} in the picture?
    can you find {a}?
    {a}?
    got any {plural}?
    is there any {name}?
    does the image show {a}?
    does this picture contain {a}?
    is there {a} anywhere?
    is {a} visible?
    is {a} present?
    does {a} appear in the picture?
    have you seen {a}?
    """,
    """
    in the picture, is there {a}?
    can you see any {plural} here?
    have you got {a}?
    does {a} appear anywhere?
    do you find any {plural} in the image?
    """,
)
wordings(
    "exists kind",
    """
    are there any {plural}?
    any {plural}?
    do you see any {plural}?
    is there {a} in the picture?
    are there {plural} in the picture?
    can you see any {plural}?
    does the picture show any {plural}?
    is there {a}?
    do you see {a}?
    got any {plural} here?
    """,
    """
    can you find any {plural} here?
    in the image, are there any {plural}?
    does the picture have {plural}?
    """,
)
wordings(
    "negated",
    """
    is there no {name}?
    is there no {name} in the picture?
    are there no {plural}?
    isn't there {a}?
    aren't there any {plural}?
    don't you see {a}?
    do you see no {name}?
    can't you see {a}?
    is there not {a}?
    there is no {name}, is there?
    there are no {plural}, are there?
    so there is no {name}?
    is the picture without {a}?
    is it true that there is no {name}?
    you see no {name}, do you?
    """,
    """
    is there no {name} in the image?
    in the picture, is there no {name}?
    do you not see {a}?
    can you see no {plural}?
    so there are no {plural} here?
    """,
)
wordings(
    "tag",
    """
    there is {a}, right?
    there is {a}, isn't there?
    there is {a} in the picture, right?
    that is {a}, right?
    there are {plural}, right?
    there are {plural}, aren't there?
    you see {a}, don't you?
    you can see {a}, can't you?
    i see {a}, correct?
    there is {a}, correct?
    there is {a}, yes?
    there's {a}, isn't there?
    the picture shows {a}, doesn't it?
    am i right that there is {a}?
    is it true that there is {a}?
    is it correct that there is {a}?
    """,
    """
    there is {a} in the image, isn't there?
    you see {a} there, right?
    is it right that there is {a}?
    the image shows {a}, correct?
    """,
)
wordings(
    "both",
    """
    are there {a} and {a_other}?
    is there {a} and {a_other}?
    do you see {a} and {a_other}?
    are both {a} and {a_other} there?
    does the picture show both {a} and {a_other}?
    can you see {a} and also {a_other}?
    {a} and {a_other}?
    is there both {a} and {a_other}?
    """,
    """
    do you see both {a} and {a_other}?
    in the picture, are there {a} and {a_other}?
    can you find {a} and {a_other}?
    """,
)
wordings(
    "either",
    """
    is there {a} or {a_other}?
    do you see {a} or {a_other}?
    is it {a} or {a_other}?
    which is there, {a} or {a_other}?
    what do you see, {a} or {a_other}?
    can you see {a} or {a_other}?
    {a} or {a_other}?
    which one is in the picture, {a} or {a_other}?
    """,
    """
    what is there, {a} or {a_other}?
    is that {a} or {a_other}?
    in the image, is there {a} or {a_other}?
    """,
)
wordings(
    "only",
    """
    is there only {a}?
    is there nothing but {a}?
    is {a} the only thing?
    do you see only {a}?
    is {a} all there is?
    is there just {a} and nothing else?
    is the {name} alone?
    is there anything else besides the {name}?
    is there something other than the {name}?
    """,
    """
    is {a} all you see?
    do you see nothing but {a}?
    is there anything other than the {name} in the picture?
    """,
)
wordings(
    "list kind",
    """
    which {plural} are there?
    which {plural} do you see?
    what {plural} are there?
    what {plural} do you see?
    list the {plural}.
    list all {plural}.
    name the {plural}.
    which {plural} are in the picture?
    what kinds of {plural} are there?
    list every {name}.
    what {plural} are in the image?
    tell me which {plural} there are.
    """,
    """
    can you list the {plural}?
    name all {plural} in the picture.
    which {plural} can you see?
    tell me what {plural} you see.
    """,
)


def any_name(asker: Asker, present: bool) -> str:
    """A name that is there, or one that is not; sometimes the bare noun."""
    if present:
        return asker.called(asker.pick(asker.things))
    name = asker.absent_name()
    noun = name.rpartition(" ")[2]
    return noun if asker.chance(0.25) and not asker.meant(noun) else name


def found(asker: Asker, name: str) -> str:
    """ "there is a dog", "there are two dogs", "there is no dog"."""
    number = len(asker.meant(name))
    if not number:
        return f"there is no {name}"
    return f"there {'is' if number == 1 else 'are'} {counted(name, number)}"


@question(share=2)
def exists(asker: Asker, present: bool | None = None) -> Asked:
    """Is there a …? Yes and no are equally likely."""
    present = asker.chance(0.5) if present is None else present
    name = any_name(asker, present)
    return asker.phrase("exists", name=name), "yes" if present else "no"


@question(share=0.4)
def exists_kind(asker: Asker) -> Asked | None:
    """Any fruit?"""
    present = asker.chance(0.5)
    kind = asker.present_kind() if present else asker.absent_kind()
    return (asker.phrase("exists kind", name=kind), "yes" if present else "no") if kind else None


@question(share=0.8)
def negated(asker: Asker) -> Asked:
    """Is there no balloon? A whole sentence says what is so, since yes and no alone are read in two ways."""
    name = any_name(asker, asker.chance(0.5))
    there = found(asker, name)
    answer = f"{'yes' if asker.meant(name) else 'no'}, {there}"
    # "No." and "Yes." say the same shorter
    return asker.phrase("negated", name=name), answer, ("yes" if asker.meant(name) else "no", there)


@question(share=0.7)
def tag(asker: Asker) -> Asked:
    """There is a tiger, right?"""
    present = asker.chance(0.5)
    return asker.phrase("tag", name=any_name(asker, present)), "yes" if present else "no"


@question(share=0.4)
def both(asker: Asker) -> Asked | None:
    """Are there a dog and a cat? Yes where both are."""
    pair = asker.two(list(asker.counts))
    if asker.chance(0.5) and pair:
        return asker.phrase("both", name=pair[0], other=pair[1]), "yes"
    names = [asker.pick(asker.things).name, asker.absent_name()]
    one, other = names if asker.chance(0.5) else names[::-1]
    return asker.phrase("both", name=one, other=other), "no"


@question(share=0.4)
def either(asker: Asker) -> Asked | None:
    """Is there a dog or a cat? Which of the two; now and then both or neither."""
    pair = asker.two(list(asker.counts))
    draw = asker.rng.random()
    if draw < 0.15 and pair:
        return asker.phrase("either", name=pair[0], other=pair[1]), "both"
    there, absent = asker.pick(asker.things).name, asker.absent_name()
    if draw > 0.9:
        other = asker.absent_name()
        return (asker.phrase("either", name=absent, other=other), "neither") if other != absent else None
    one, other = (there, absent) if asker.chance(0.5) else (absent, there)
    answer = counted(there, asker.counts[there])
    return asker.phrase("either", name=one, other=other), answer, (article(there), plural_name(there))


@question(share=0.3)
def only(asker: Asker) -> Asked | None:
    """Is there only a dog?"""
    if not asker.single:
        return None
    thing = asker.pick(asker.single)
    asked = asker.worded("only", name=thing.name)
    alone = len(asker.things) == 1
    more = "anything else" in asked or "something other" in asked or "anything other" in asked
    return asker.typed(asked), "yes" if alone != more else "no"


@question(share=0.7)
def list_kind(asker: Asker) -> Asked | None:
    """Which animals are there?"""
    kind = asker.absent_kind() if asker.chance(0.15) else asker.present_kind()
    return (asker.phrase("list kind", name=kind), listing(asker.meant(kind), "none")) if kind else None
