"""What the tiny checkpoints are made of: sizes, a few words, and tokenizers trained on them in a moment."""

from __future__ import annotations

import json

import transformers as hf
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = """\
a photo of a red circle on the left and a blue square on the right . what colour is the circle ?
how many dogs are there ? there are two dogs . is there a cat ? no , there is no cat .
describe the picture .""".splitlines()

TEXT = dict(hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4)
VISION = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4)

Built = tuple[hf.PreTrainedModel, hf.ProcessorMixin]


def bytes_tokenizer(
    special: list[str], bos: str | None = "<s>", eos: str = "</s>", pad: str = "<pad>", **options
) -> hf.PreTrainedTokenizerFast:
    """Byte-level BPE, as most chat models have: every text survives, and one character may need many tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    _train(tokenizer, [pad, bos, eos, *special], pre_tokenizers.ByteLevel.alphabet())
    return _wrapped(tokenizer, special, bos, eos, pad, **options)


def words_tokenizer(special: list[str], **options) -> hf.PreTrainedTokenizerFast:
    """Lower-casing BPE with Metaspace and byte fallback, as Moji and the Llama family have."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(), decoders.Fuse()])
    _train(tokenizer, ["<pad>", "<s>", "</s>", *special], [])
    state = json.loads(tokenizer.to_str())
    vocabulary = state["model"]["vocab"]
    vocabulary |= {f"<0x{byte:02X}>": len(vocabulary) + byte for byte in range(256)}
    state["model"]["byte_fallback"] = True
    return _wrapped(Tokenizer.from_str(json.dumps(state)), special, "<s>", "</s>", "<pad>", **options)


def _train(tokenizer: Tokenizer, marks: list[str | None], alphabet: list[str]) -> None:
    marks = [mark for mark in [*marks, "<unk>"] if mark]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=marks, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)


def _wrapped(
    tokenizer: Tokenizer, special: list[str], bos: str | None, eos: str, pad: str, closed: bool = False, **options
) -> hf.PreTrainedTokenizerFast:
    """closed: put `bos` before and `eos` after every text, as text encoders want it."""
    if closed:
        ids = [(mark, tokenizer.token_to_id(mark)) for mark in (bos, eos) if mark]
        single = " ".join([*([bos] if bos else []), "$A", eos])
        tokenizer.post_processor = processors.TemplateProcessing(single=single, special_tokens=ids)
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=bos,
        eos_token=eos,
        pad_token=pad,
        unk_token="<unk>",
        additional_special_tokens=special,
        clean_up_tokenization_spaces=False,
        **options,
    )


def ids_of(tokenizer: hf.PreTrainedTokenizerFast) -> dict[str, int | None]:
    return dict(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def llama_config(tokenizer: hf.PreTrainedTokenizerFast) -> hf.LlamaConfig:
    return hf.LlamaConfig(**TEXT, num_key_value_heads=2, max_position_embeddings=1024, **ids_of(tokenizer))
