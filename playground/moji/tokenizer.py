"""The tokenizer that all Moji models share: whole words for what the world holds, pieces for the rest."""

from __future__ import annotations

import string

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from .vocabulary import vocabulary_sentences

SPECIAL_TOKENS = ("<pad>", "<s>", "<unk>", "</s>", "<image>", "<user>", "<assistant>", "<system>")


def make_tokenizer(*, bos: bool, eos: bool, max_length: int) -> PreTrainedTokenizerFast:
    """Byte-pair encoding (Sennrich et al. 2016) over lower-cased words, with "▁" for a leading space.

    Every word of the world is one token, a misspelt or unknown word falls into pieces and single letters;
    a character outside printable ASCII becomes ``<unk>``. ``bos``/``eos`` add ``<s>``/``</s>`` around a text.
    """
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation(behavior="isolated")]
    )
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=4000,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=[*string.ascii_lowercase, *string.digits, *string.punctuation, "▁"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(sorted(vocabulary_sentences()), trainer)
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
