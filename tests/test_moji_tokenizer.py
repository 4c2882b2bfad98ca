"""The vocabulary stays as it is, holds whole words, and reads any text."""

import hashlib
import re

import pytest
import torch
from transformers import AutoTokenizer, LlavaForConditionalGeneration

from playground.checkpoints.catalog import find
from playground.moji.beyond import ANSWER, COLOUR_ANSWER, outside_questions
from playground.moji.questions import beside, place
from playground.moji.synonyms import known_words, other_name, plural_phrase, synonyms
from playground.moji.tokenizer import VOCABULARY, make_tokenizer, merges, opening_words, tokens
from playground.moji.wordings import WORDINGS
from playground.moji.world import COLOURS, KINDS, NOUNS, NUMBERS, PLACES, plural
from playground.training.vlm import chat_tokenizer, make_processor
from playground.training.word_vectors import carry_words

FROZEN = {
    "tokens.txt": "96eabe77c6800a6602436f21a8427bb18d46a0dca1cd2dc8c051d8abdc573630",
    "merges.txt": "c7d70c747efbb7e043b40d1eb36d175e1ee36fe4a09753f2f9d4cab8e0090a40",
}


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer(bos=False, eos=False, max_length=512)


def test_no_token_has_another_number_than_before():
    """A checkpoint knows tokens by number: this fails when a line of the frozen part moves. New lines go to the end."""
    count = {"tokens.txt": 2387, "merges.txt": 280}
    for name, digest in FROZEN.items():
        lines = (VOCABULARY / name).read_text(encoding="utf-8").splitlines()
        assert hashlib.sha256("\n".join(lines[: count[name]]).encode()).hexdigest() == digest, name
    assert len(set(tokens())) == len(tokens())


def test_every_word_of_the_world_is_one_token(tokenizer):
    words = {*NOUNS, *map(plural, NOUNS), *KINDS, *map(plural, KINDS), *COLOURS, *NUMBERS, *known_words()}
    words |= {word for row in PLACES for place in row for word in place.split()}
    words |= {"gray", "grey", "brown", "teal", "cyan", "white", "color", "corner", "centre", "rectangle", "ovals"}
    whole = {token for token in tokens() if token.startswith("▁")}
    assert not {word for word in words if "▁" + word not in whole}
    assert not [word for word in words if len(tokenizer.tokenize(word)) != 1]


def test_wordings_and_answers_are_whole_words(tokenizer):
    texts = [text for each in WORDINGS.values() for text in (*each.usual, *each.unseen)]
    texts = [re.sub(r"\{\w+\}", "dog", text) for text in texts]
    for words in (place._OTHER_WORDS, beside._OTHER_SIDES):
        texts += [text for some in words.values() for text in some]
    texts += [*outside_questions(), *outside_questions(True), ANSWER, COLOUR_ANSWER]
    words = {word for text in texts for word in re.findall("[a-z]+", text.lower())} - set("stdm") - {"re", "ll", "ve"}
    assert not {word for word in words if "▁" + word not in tokens()}
    assert "▁aubergine" in tokens()


def test_a_piece_of_a_word_is_no_thing_of_the_world(tokenizer):
    """ "corner" is not "corn" and "er", nor is a word that nobody knows a thing and the rest."""
    made = {one + other for one, other in merges()}
    names = {word for word in (*known_words(), *COLOURS, *NUMBERS) if len(word) > 2}
    assert not {piece.lstrip("▁") for piece in made} & names
    for word in ("cornet", "antler", "catalogue", "starling", "carpet", "bearing", "ratchet", "string", "oneness"):
        assert not {token.lstrip("▁") for token in tokenizer.tokenize(word)} & names, tokenizer.tokenize(word)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Two.", "Two."),
        ("TWO DOGS", "Two dogs"),
        ("How many Dogs?", "how many dogs?"),
        ("I only know my emoji world.", "I only know my emoji world."),
        ("Yes. There are two.", "Yes. There are two."),
        ("the Two", "the two"),
        ("Twofold", "twofold"),
        ("dog,cat/bus", "dog, cat/ bus"),
        ("in the top-left corner", "in the top left corner"),
        ("what’s\n in  it", "what's in it"),
        ("3.5 to 12", "3.5 to 12"),
        ("¿dónde está el 🐶? 犬", "¿dónde está el 🐶? 犬"),
        ("", ""),
    ],
)
def test_any_text_is_read_and_nothing_is_unknown(tokenizer, typed, read):
    ids = tokenizer(typed).input_ids
    assert tokenizer.unk_token_id not in ids and tokenizer.decode(ids) == read
    assert tokenizer(read).input_ids == ids  # an answer that is read again is the same


def test_answers_open_with_a_capital_behind_special_tokens(tokenizer):
    assert tokenizer.tokenize("<user>How many?<assistant>Two.</s>") == [
        "<user>", "▁how", "▁many", "?", "<assistant>", "▁Two", ".", "</s>",
    ]  # fmt: skip
    assert {"Yes", "No", "None", "A", "An", "The", "There", "Top", "Red", "Stop", "I"} <= set(opening_words())
    assert all("▁" + word.lower() in tokens() for word in opening_words())


def test_a_checkpoint_with_the_former_words_goes_on_with_these(tokenizer):
    """Old words keep their vectors, a capital and a synonym start from the word that they stand for."""
    folder = find("moji-vlm").source
    had = AutoTokenizer.from_pretrained(folder)
    vlm = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    before = vlm.get_input_embeddings().weight.detach().clone()
    after = carry_words(vlm, folder, chat_tokenizer()).lm_head.weight
    for new, old in (("dog", "dog"), ("Two", "two"), ("A", "a"), ("aubergines", "eggplants")):
        old_id = had.convert_tokens_to_ids("▁" + old)
        assert torch.equal(after[tokenizer.convert_tokens_to_ids("▁" + new)], before[old_id]), new
    assert len(after) == len(tokens()) == vlm.config.text_config.vocab_size
    assert make_processor().tokenizer.get_vocab() == tokenizer.get_vocab()


def test_another_name_names_the_same_thing_and_nothing_else():
    import numpy as np

    rng, own = np.random.default_rng(0), set(NOUNS) | set(KINDS)
    others = [word for words in synonyms().values() for word in words]
    assert len(others) == len(set(others)) and not own & set(others)
    assert {other_name("red circle", rng) for _ in range(20)} == {"red disc", "red disk"}
    assert other_name("zebra", rng) == "zebra" and plural_phrase("palm tree") == "palm trees"
    assert set(synonyms()) - set(NOUNS) <= {"oval"}
