"""Every kind of question tells the truth, also where it is told again from the question's words and the boxes alone."""

import math
import re
from itertools import pairwise

import numpy as np
import pytest

from playground.moji.asking import LOOSE, PLAIN, USUAL, Asker, Typing
from playground.moji.beyond import ANSWER, COLOUR_ANSWER, outside_questions, outside_things
from playground.moji.phrasing import _AFTER, _BEFORE, DETAILED_PROMPT, SHORT_PROMPT
from playground.moji.questions import KINDS, QUESTION_TYPES, ask
from playground.moji.questions.beside import _OTHER_SIDES
from playground.moji.questions.place import _OTHER_WORDS
from playground.moji.scenes import PLAIN as PLAIN_SCENES
from playground.moji.scenes import WIDE, Scene, Thing, make_scene
from playground.moji.synonyms import kind_words, known_words, plural_phrase
from playground.moji.talks import follow_up
from playground.moji.wordings import WORDINGS
from playground.moji.words import SIDES, is_side, places, plural_name
from playground.moji.world import ALL_COLOURS, ALL_SHAPES, NOUNS, NUMBERS, WRITINGS, article
from playground.moji.world import KINDS as WORLD_KINDS
from playground.training.packing import talks_about
from playground.training.scoring import normalised

UNSEEN = Typing(unseen=True)


@pytest.fixture(scope="module")
def scenes():
    drawn = (np.random.default_rng(index) for index in range(160))
    return [make_scene(rng, variety=WIDE if index % 2 else PLAIN_SCENES) for index, rng in enumerate(drawn)]


# What a question names: "red circles", "dog", "clothes" → (name, whether in the plural).
NAMED = {}
for _kind in WORLD_KINDS:
    NAMED |= dict.fromkeys((_kind, *kind_words(_kind), plural_phrase(_kind)), _kind)
for _noun in dict.fromkeys((*NOUNS, *ALL_SHAPES)):
    _told = ALL_COLOURS if _noun in ALL_SHAPES else WRITINGS if _noun == "sign" else ()
    for _name in [*(f"{told} {_noun}" for told in _told), _noun]:
        NAMED |= {plural_name(_name): _name, _name: _name}
_NAMES = re.compile(rf"\b({'|'.join(sorted(NAMED, key=len, reverse=True))})\b")
_SIDES = {word: side for side, words in _OTHER_SIDES.items() for word in (side, *words)}
_PLACES = {word: place for place, words in _OTHER_WORDS.items() for word in (place, *words)}
_OF_A_KIND = "some|any|same|what|which|the|a|that|each|every|two"
_COLUMNS, _ROWS = ("left", "", "right"), ("top", "", "bottom")


def longest(words, question):
    """The meaning of the longest of these words that the question holds."""
    found = [word for word in words if re.search(rf"\b{word}\b", question)]
    return words[max(found, key=len)] if found else None


def middle(thing):
    return (thing.box[0] + thing.box[2]) / 2, (thing.box[1] + thing.box[3]) / 2


def place(thing):
    """The ninth of the picture that holds the middle of the box, by its corners alone."""
    x, y = middle(thing)
    return f"{_ROWS[int(y // 64)]} {_COLUMNS[int(x // 64)]}".strip() or "middle"


def lies(thing, side, other):
    axis = 0 if side in ("left of", "right of") else 1
    gap = middle(other)[axis] - middle(thing)[axis]
    return gap > 0 if side in ("left of", "above") else gap < 0


def long_side(thing):
    return max(thing.box[2] - thing.box[0], thing.box[3] - thing.box[1])


def told(phrases):
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(phrases[:-1]), phrases[-1]] if len(phrases) > 1 else phrases)


def listed(there, nothing="nothing"):
    """Things as an answer names them: "a dog and two cats"."""
    names = list(dict.fromkeys(thing.name for thing in there))
    number = {name: sum(thing.name == name for thing in there) for name in names}
    some = [article(n) if number[n] == 1 else f"{NUMBERS[number[n]]} {plural_name(n)}" for n in names]
    return told(some) if some else nothing


def belongs(thing):
    wider = {"bird": "animal", "fruit": "food", "vegetable": "food"}
    return {thing.kind, wider.get(thing.kind, thing.kind)}


def yes(truth):
    return "yes" if truth else "no"


class Read:
    """A question taken apart: what it names, and what of that is there."""

    def __init__(self, question, things):
        self.question, self.things = question.lower(), things
        text = re.sub(rf"\b({_OF_A_KIND})? ?(kinds?|sorts?|types?) of things?\b|\bobjects?\b", "", self.question)
        self.names = [NAMED[found] for found in _NAMES.findall(text)]
        self.meant = [[t for t in things if name in {t.name, t.noun, *belongs(t)}] for name in self.names]
        self.number = {name: len(own) for name, own in zip(self.names, self.meant, strict=True)}
        self.side = longest(_SIDES, self.question)
        self.place = longest(_PLACES, self.question)

    def rest(self):
        return [thing for thing in self.things if thing not in self.meant[0]]

    def larger(self):
        return max((self.meant[0][0], self.meant[1][0]), key=long_side)

    def between(self):
        (one,), (other,) = self.meant
        (ax, ay), (bx, by) = middle(one), middle(other)
        inside = []
        for thing in self.things:
            x, y = middle(thing)
            along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / math.dist((ax, ay), (bx, by)) ** 2
            foot = (ax + along * (bx - ax), ay + along * (by - ay))
            if thing not in (one, other) and 0.15 < along < 0.85 and math.dist((x, y), foot) < 22:
                inside.append(thing)
        return inside

    def ordered(self):
        axis = 0 if "left" in self.question else 1
        back = "right to left" in self.question or "bottom to top" in self.question
        return sorted(self.things, key=lambda thing: middle(thing)[axis], reverse=back)

    def outermost(self):
        axis = 0 if "left" in self.question or "right" in self.question else 1
        last = any(word in self.question for word in ("right", "lowest", "bottom"))
        return sorted(self.things, key=lambda thing: middle(thing)[axis], reverse=last)[0]

    def coloured(self):
        colour = next(
            colour for colour in ALL_COLOURS if re.search(rf"\b{colour}\b", self.question.replace("grey", "gray"))
        )
        return colour, [thing for thing in self.things if thing.colour == colour]

    def half(self):
        axis, way = {"left": (0, -1), "right": (0, 1), "top": (1, -1), "bottom": (1, 1)}[
            re.search(r"(left|right|top|bottom) half", self.question)[1]
        ]
        return [thing for thing in self.things if way * (middle(thing)[axis] - 96) > 0]

    def most(self):
        names = [thing.name for thing in self.things]
        return max(names, key=names.count)

    def signs(self):
        return [thing.writing for thing in self.things if thing.writing]

    def kinds_named(self):
        return [next(iter({t.kind for t in self.things if t.noun == name})) for name in self.names[:2]]


def number(count):
    return NUMBERS[count] if count else "none"


def there_is(read):
    count, name = len(read.meant[0]), read.names[0]
    if not count:
        return f"no, there is no {name}"
    return f"yes, there is {article(name)}" if count == 1 else f"yes, there are {NUMBERS[count]} {plural_name(name)}"


TRUTHS = {
    "caption": lambda r: listed(r.things),
    "list": lambda r: listed(r.things),
    "title": lambda r: listed(r.things),
    "one sentence": lambda r: f"the picture shows {listed(r.things)}",
    "detail": lambda r: told([f"{article(thing.name)} at the {place(thing)}" for thing in r.things]),
    "in order": lambda r: told([article(thing.name) for thing in r.ordered()]),
    "else": lambda r: listed(r.rest()),
    "exists": lambda r: yes(r.meant[0]),
    "exists kind": lambda r: yes(r.meant[0]),
    "tag": lambda r: yes(r.meant[0]),
    "negated": there_is,
    "both": lambda r: yes(r.meant[0] and r.meant[1]),
    "either": lambda r: "both" if r.meant[0] and r.meant[1] else listed(r.meant[0] or r.meant[1], "neither"),
    "only": lambda r: yes((len(r.things) == 1) != bool(re.search("(any|some)thing (else b|other)", r.question))),
    "list kind": lambda r: listed(r.meant[0], "none"),
    "count": lambda r: number(len(r.meant[0])),
    "count kind": lambda r: number(len(r.meant[0])),
    "total": lambda r: NUMBERS[len(r.things)],
    "different": lambda r: NUMBERS[len({thing.name for thing in r.things})],
    "number check": lambda r: yes(f" {NUMBERS[len(r.meant[0])]}" in " " + r.question),
    "more": lambda r: yes(r.number[r.names[0]] > r.number[r.names[1]]),
    "which more": lambda r: (
        "the same number"
        if len(set(r.number.values())) == 1
        else f"more {plural_name(max(r.number, key=r.number.get))}"
    ),
    "most": lambda r: f"the {plural_name(r.most())}",
    "where": lambda r: told(list(dict.fromkeys(place(thing) for thing in r.meant[0]))),
    "at": lambda r: listed([thing for thing in r.things if place(thing) == r.place]),
    "place check": lambda r: yes(place(r.meant[0][0]) == r.place),
    "half": lambda r: listed(r.half()),
    "side": lambda r: listed([t for t in r.rest() if lies(t, r.side, r.meant[0][0])]),
    "relation": lambda r: yes(lies(r.meant[0][0], r.side, r.meant[1][0])),
    "between": lambda r: listed(r.between()),
    "next to": lambda r: article(min(r.rest(), key=lambda t: math.dist(middle(t), middle(r.meant[0][0]))).name),
    "edge": lambda r: f"the {r.outermost().name}",
    "colour": lambda r: r.meant[0][0].colour,
    "colour check": lambda r: yes(r.meant[0][0].colour == r.coloured()[0]),
    "shape": lambda r: article(r.coloured()[1][0].noun),
    "kind": lambda r: article(r.meant[0][0].kind),
    "kind check": lambda r: yes(r.names[1] in belongs(r.meant[0][0])),
    "bigger": lambda r: f"the {r.larger().name}",
    "smaller": lambda r: f"the {({t.name for own in r.meant for t in own} - {r.larger().name}).pop()}",
    "size check": lambda r: yes((r.larger() is r.meant[0][0]) != ("smaller" in r.question)),
    "biggest": lambda r: f"the {(min if 'small' in r.question else max)(r.things, key=long_side).name}",
    "says": lambda r: (r.signs() or ["there is no sign"])[0],
    "sign check": lambda r: yes(re.search(rf"\b{r.signs()[0]}\b", r.question)),
    "same kind": lambda r: yes(len(set(r.kinds_named())) == 1),
    "same or different": lambda r: "the same kind" if len(set(r.kinds_named())) == 1 else "different",
    "any alike": lambda r: yes(len({t.name for t in r.things}) < len(r.things)),
    "all different": lambda r: yes(len({t.name for t in r.things}) == len(r.things)),
}


@pytest.mark.parametrize("typing", [USUAL, UNSEEN], ids=["usual", "unseen"])
@pytest.mark.parametrize("kind", TRUTHS)
def test_answers_follow_from_the_truth(kind, typing, scenes):
    """Every answer is told again from the question's words, the names and the boxes; written as a person does."""
    asked = 0
    for seed, scene in enumerate(scenes):
        exchange = ask(kind, Asker(scene, np.random.default_rng(seed), typing))
        if exchange is not None:
            asked += 1
            assert (
                exchange.type == kind
                and exchange.answer[-1] == "."
                and exchange.answer[0] == exchange.answer[0].upper()
            )
            assert normalised(exchange.answer) == TRUTHS[kind](Read(exchange.question, scene.things)), exchange
            assert exchange.answer not in exchange.also
    assert asked >= 12, f"only {asked} scenes allowed a question of this kind"


AROUND = {"yes or no", "in short", "two questions", "absent", "outside"}


def test_no_kind_of_question_is_without_its_truth_here():
    assert set(TRUTHS) | AROUND == set(QUESTION_TYPES) and not set(TRUTHS) & AROUND


def test_yes_and_no_are_about_as_likely(scenes):
    """Whoever always says yes must not be right more often than not."""
    for kind in QUESTION_TYPES:
        rng = np.random.default_rng(1)
        said = [exchange.answer for scene in scenes if (exchange := ask(kind, Asker(scene, rng, USUAL)))]
        if set(said) == {"Yes.", "No."} and kind not in ("only", "more", "any alike", "all different"):
            assert 0.3 < said.count("Yes.") / len(said) < 0.7, kind


def test_what_is_asked_about_in_vain_is_not_there(scenes):
    for seed, scene in enumerate(scenes):
        exchange = ask("absent", Asker(scene, np.random.default_rng(seed)))
        read = Read(exchange.question, scene.things)
        name = read.names[0]
        assert not read.meant[0], exchange
        assert exchange.answer in (f"There is no {name}.", f"There are no {plural_name(name)}.", "No.")


def test_an_order_how_to_answer_changes_nothing_but_the_form(scenes):
    for seed, scene in enumerate(scenes[:80]):
        asker = Asker(scene, np.random.default_rng(seed), USUAL)
        if exchange := ask("yes or no", asker):
            assert "yes or no" in exchange.question.lower() and exchange.answer in ("Yes.", "No.")
        if exchange := ask("two questions", asker):
            assert len(re.findall(r"[A-Z][^.]*\.", exchange.answer)) == 2
        if exchange := ask("in short", asker):
            assert len(exchange.answer.split()) <= 8


def test_what_no_picture_tells_gets_the_same_answer(scenes):
    answers = {ask("outside", Asker(scene, np.random.default_rng(seed))).answer for seed, scene in enumerate(scenes)}
    assert answers == {f"{ANSWER}.", f"{COLOUR_ANSWER}."}
    assert not set(outside_things()) & known_words()
    assert not set(outside_things()) & set(outside_things(True)) and not set(outside_questions()) & set(
        outside_questions(True)
    )


def test_a_place_near_its_border_counts_either_way():
    """Exactly within four pixels: the dog stands at x = 62, the border is at 64."""
    dog = Thing("dog", (42, 20, 82, 40))
    assert set(places(dog)) == {"top left", "top"} and places(Thing("dog", (32, 20, 72, 40))) == ("top left",)
    scene = Scene(np.zeros(0), np.zeros(0), (dog,))
    exchange = ask("where", Asker(scene, np.random.default_rng(0)))
    assert (exchange.answer, exchange.also) == ("Top left.", ("Top.",))
    assert ask("place check", Asker(scene, np.random.default_rng(0))) is None
    detailed = ask("detail", Asker(scene, np.random.default_rng(0)))
    assert detailed.also == ("A dog at the top.",)


def test_sides_are_opposite_and_close_calls_are_not_asked(scenes):
    for scene in scenes:
        for a in scene.things:
            for b in scene.things:
                assert is_side(a, "left of", b) == is_side(b, "right of", a)
                if a is b:
                    assert is_side(a, "above", b) is None


def spoken(templates):
    """These wordings with their blanks filled, as words alone: marks tell no two wordings apart."""
    blanks = dict(name="dog", a="a dog", plural="dogs", other="cat", a_other="a cat", others="cats", side="left of",
                  place="top left", which="left", number="two", colour="red", kind="an animal", plain="animal",
                  size="bigger", text="stop", what="word", way="left to right",
                  question="is it?", second="where?")  # fmt: skip
    return {tuple(re.findall(r"[a-z']+", text.format(**blanks).lower())) for text in templates}


def test_unseen_wordings_are_kept_from_training():
    """No greeting, no please and no lost mark makes a wording of the training into one that counts as never seen."""
    plain = set().union(*(spoken(each.usual) for each in WORDINGS.values()))
    unseen = set().union(*(spoken(each.unseen) for each in WORDINGS.values()))
    before = [(), *(tuple(re.findall(r"[a-z']+", text)) for text in _BEFORE)]
    after = [(), *(tuple(re.findall(r"[a-z']+", text)) for text in _AFTER)]
    trained = {(*greeting, *text, *end) for greeting in before for text in plain for end in after}
    unmarked = {tuple(word.replace("'", "") for word in text) for text in trained}
    assert not unseen & (trained | unmarked)
    assert {word for text in unseen for word in text} <= {word for text in trained for word in text}


def test_every_kind_has_wordings_of_both_sorts():
    needed = {kind for kind in KINDS if kind not in ("absent", "outside")} | {"wheres"}
    assert needed <= set(WORDINGS)
    assert not {kind for kind in WORDINGS if not kind.startswith("then ")} - needed
    for kind, each in WORDINGS.items():
        assert len(each.usual) >= (2 if kind == "then which where" else 4) and len(each.unseen) >= 2, kind
        assert len(set(each.usual)) == len(each.usual) and not set(each.usual) & set(each.unseen), kind
    assert SHORT_PROMPT in WORDINGS["caption"].usual and DETAILED_PROMPT in WORDINGS["detail"].usual


def test_typing_is_loose_slips_and_calls_things_by_other_names(scenes):
    asked = [
        ask("exists", Asker(scene, np.random.default_rng(seed), LOOSE)).question for seed, scene in enumerate(scenes)
    ]
    assert 0.3 < np.mean([text[0].isupper() for text in asked]) < 0.6
    assert 0.15 < np.mean([text[-1] not in "?." for text in asked]) < 0.5
    sure = [ask("exists", Asker(scene, np.random.default_rng(0), PLAIN)).question for scene in scenes]
    assert all(re.fullmatch(r"is there an? [a-z0-9 ]+\?", text) for text in sure)
    again = [
        ask("exists", Asker(scene, np.random.default_rng(seed), LOOSE)).question for seed, scene in enumerate(scenes)
    ]
    assert asked == again


def test_follow_ups_lean_on_the_first_question(scenes):
    talks = [follow_up(Asker(scene, np.random.default_rng(i))) for i, scene in enumerate(scenes)]
    talks = [talk for talk in talks if talk]
    assert len(talks) > 100
    assert all(exchange.type == "follow-up" for talk in talks for exchange in talk[1:])
    ninths = {place.capitalize() + "." for place in _OTHER_WORDS}
    others = [talk for talk in talks if "other" in talk[1].question]
    assert others and all({talk[0].answer, talk[1].answer} <= ninths for talk in others)


def test_of_two_that_stand_one_above_the_other_none_is_called_the_left_one():
    def two(gap, rng):
        """Two dogs whose middles lie ``gap`` pixels apart from left to right."""
        dogs = (Thing("dog", (60, 20, 100, 60)), Thing("dog", (60 + gap, 120, 100 + gap, 160)))
        talk = follow_up(Asker(Scene(np.zeros(0), np.zeros(0), dogs), rng))
        return bool(talk) and bool(re.search(r"\b(left|right)\b.*\?", talk[0].question))

    sides = {gap: sum(two(gap, np.random.default_rng(seed)) for seed in range(40)) for gap in (0, 11, 12, 60)}
    assert not sides[0] and not sides[11] and sides[12] > 5 and sides[60] > 5


def test_training_draws_every_kind_about_as_often_as_its_share(scenes):
    drawn = [
        exchange.type
        for i, scene in enumerate(scenes)
        for talk in talks_about(scene, np.random.default_rng(i))
        for exchange in talk
    ]
    assert set(drawn) == {*QUESTION_TYPES, "follow-up"}
    assert drawn.count("caption") >= len(scenes) and drawn.count("count") > drawn.count("title")


def test_a_kind_or_its_wordings_cannot_be_registered_twice():
    from playground.moji.questions.registry import question
    from playground.moji.wordings import wordings

    def count(asker):
        return None

    for register in (lambda: question()(count), lambda: wordings("count", "a?", "b?")):
        with pytest.raises(ValueError, match="already"):
            register()


def test_the_order_of_things_is_only_told_where_it_is_clear(scenes):
    for seed, scene in enumerate(scenes):
        exchange = ask("in order", Asker(scene, np.random.default_rng(seed)))
        if exchange:
            read = Read(exchange.question, scene.things)
            axis = 0 if "left" in read.question else 1
            assert all(abs(middle(a)[axis] - middle(b)[axis]) >= 8 for a, b in pairwise(read.ordered()))


def test_sides_have_words_of_their_own():
    assert set(_OTHER_SIDES) == set(SIDES) and len(_SIDES) == sum(map(len, _OTHER_SIDES.values())) + len(SIDES)
