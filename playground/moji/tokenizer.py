"""The tokenizer that all Moji models share: whole words for what the world holds, pieces for the rest.

Its vocabulary is data, not a by-product of the sentences that training happens to hold: ``assets/vocabulary`` has one
token a line, and the line is its number. A new word goes to the end of the file; a line that moved would make every
checkpoint speak gibberish.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

VOCABULARY = Path(__file__).resolve().parents[2] / "assets" / "vocabulary"
SPECIAL_TOKENS = ("<pad>", "<s>", "<unk>", "</s>", "<image>", "<user>", "<assistant>", "<system>")
_TIGHT = (",", ";", ":", "/", "(", '"', ".", "?", "!")  # marks behind which some people leave out the space


@cache
def tokens() -> tuple[str, ...]:
    """Every token in the order of its number. "▁" stands for the space before a word."""
    return tuple((VOCABULARY / "tokens.txt").read_text(encoding="utf-8").splitlines())


@cache
def merges() -> tuple[tuple[str, str], ...]:
    """How letters join to pieces, the most frequent first. No piece is itself a thing, a colour or a number."""
    lines = (VOCABULARY / "merges.txt").read_text(encoding="utf-8").splitlines()
    return tuple((one, other) for one, other in (line.split(" ") for line in lines))


@cache
def opening_words() -> tuple[str, ...]:
    """Words that begin an answer and are written with a capital there: "Two", "A", "There"."""
    return tuple(token[1:] for token in tokens() if token[0] == "▁" and token[1:2].isupper())


def make_tokenizer(*, bos: bool, eos: bool, max_length: int) -> PreTrainedTokenizerFast:
    """Whole words first; a word that is no token falls into pieces by byte-pair encoding (Sennrich et al. 2016), and a
    character that is none into its bytes. So a misspelt or unknown word is letters and short pieces, never a thing and
    the rest ("corner" is not "corn" and "er").

    Capitals are dropped but for a word that may open an answer where it opens a sentence: "TWO dogs" and "Two dogs"
    are read alike. ``bos``/``eos`` add ``<s>``/``</s>`` around a text.
    """
    numbers = {token: number for number, token in enumerate(tokens())}
    model = models.BPE(numbers, list(merges()), unk_token="<unk>", byte_fallback=True, ignore_merges=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), *_spacing(), *_lowering()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation(behavior="isolated")]
    )
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    single = ("<s> " if bos else "") + "$A" + (" </s>" if eos else "")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        additional_special_tokens=["<image>", "<user>", "<assistant>", "<system>"],
        extra_special_tokens={"image_token": "<image>"},
        model_max_length=max_length,
        padding_side="left" if bos and not eos else "right",
        clean_up_tokenization_spaces=False,
    )


def _spacing() -> list[normalizers.Normalizer]:
    """One space between words, a space behind marks ("dog,cat"), plain quotes, no hyphen within a word."""
    rules = [(r"\s+", " "), ("[‘’`´]", "'"), ("[“”„«»]", '"'), (r"(?<=[A-Za-z])-(?=[A-Za-z])", " ")]
    rules += [(rf"\{mark}(?=[A-Za-z])", f"{mark} ") for mark in _TIGHT]
    rules += [(r"(?<![A-Za-z])'(?=[A-Za-z])", "' ")]
    return [normalizers.Replace(Regex(pattern), text) for pattern, text in rules]


def _lowering() -> list[normalizers.Normalizer]:
    """Small letters, but for the first one of an opening word at the beginning of a sentence."""
    rules = []
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        rests = "|".join(word[1:].lower() for word in opening_words() if word[0] == letter)
        opens = rf"{letter}(?!(?i:{rests})(?![A-Za-z0-9]))" if rests or letter in opening_words() else letter
        pattern = rf"(?<=[^ ]){letter}|(?<=[^.!?] ){letter}|{opens}"
        rules.append(normalizers.Replace(Regex(pattern), letter.lower()))
    return rules
