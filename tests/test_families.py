"""Every chat family through the same verbs: what it claims works, and what it cannot do is refused with a sentence."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers as hf
from families import (
    ANSWER,
    ATTENTION,
    CANDIDATES,
    CHAT_FAMILIES,
    CHAT_VERBS,
    GIVEN,
    LAYOUT,
    SEVERAL_PICTURES,
    SEVERAL_TURNS,
    SYSTEM_PROMPT,
)
from PIL import Image

from playground import load
from playground.interpret.forward.teacher_forcing import teacher_forced_forward
from playground.interpret.trace import Trace, trace
from playground.models.chat import ChatModel
from playground.models.layout.positions import NoLayout, image_layouts, image_positions
from playground.models.messages import CannotRead, Message, asked
from playground.models.prompt import answer_start, answer_tokens
from playground.tasks.caption import PROMPTS

DESCRIPTIONS = {"short": "caption", "detailed": "describe"}  # PaliGemma's words


def ask(*images: Image.Image, text: str = "what is this ?") -> list[Message]:
    return [Message("user", text, images)]


def talk(picture: Image.Image) -> list[Message]:
    return [*ask(picture), Message("assistant", "two red dogs"), Message("user", "is there a cat ?")]


def with_rules(picture: Image.Image) -> list[Message]:
    return [Message("system", "count the circles"), *ask(picture)]


def read_words(model: ChatModel, messages: list[Message]) -> str:
    return model.processor.tokenizer.decode(model.prepare(messages)["input_ids"][0])


def drive_answer(model: ChatModel, picture: Image.Image) -> None:
    pieces = []
    stream = model.stream(ask(picture), max_new_tokens=6)
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            answer = end.value
            break
    inputs = model.prepare(ask(picture))
    bare = model.model.generate(**inputs, max_new_tokens=6, do_sample=False, num_beams=1)
    assert [piece.token_id for piece in pieces] == bare[0, answer_start(model.model, inputs) :].tolist()
    assert "".join(piece.text for piece in pieces) == answer.text
    assert answer.text == model.processor.tokenizer.decode(
        [piece.token_id for piece in pieces], skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    assert answer.statistics.image_tokens == len(image_positions(model.model, inputs)) > 0
    assert model.generate(asked("what is this ?", picture), max_new_tokens=6).text == answer.text
    other = model.generate(ask(picture.rotate(180)), max_new_tokens=6)
    assert [piece.probability for piece in other.pieces] != [piece.probability for piece in pieces]


def drive_candidates(model: ChatModel, picture: Image.Image) -> None:
    """One token long, the likeliest answers are the likeliest tokens."""
    first = model.generate(ask(picture), max_new_tokens=1).pieces[0]
    found = model.candidates(ask(picture), count=3, max_new_tokens=1)
    probabilities = [candidate.probability for candidate in found]
    assert len({candidate.text for candidate in found}) == len(found)
    assert probabilities == sorted(probabilities, reverse=True) and sum(probabilities) <= 1 + 1e-5
    said = {candidate.text: candidate.probability for candidate in found}
    assert said[first.text.strip()] >= first.probability - 1e-5


def drive_given(model: ChatModel, picture: Image.Image) -> None:
    """What the model itself gives each token of an answer, in one teacher-forced run without a cache, adds up."""
    answers = ("yes", "two red dogs on the left", "")
    talk = model.conversation()
    model.generate(ask(picture), max_new_tokens=2, conversation=talk)
    found = model.likelihoods(ask(picture), answers)
    continued = model.likelihoods(ask(picture), answers[:1], conversation=talk)
    assert continued[0].log_probability == pytest.approx(found[0].log_probability, abs=1e-4)
    for answer, likelihood in zip(answers, found, strict=True):
        ids = answer_tokens(model.model, model.processor, ask(picture), answer)
        if SEVERAL_TURNS in CHAT_FAMILIES[model.name].verbs and answer:
            follows_in_template(model, picture, answer, ids)
        assert likelihood.tokens == len(ids) and model.processor.tokenizer.decode(ids[:-1]).strip() == answer
        assert likelihood.log_probability == pytest.approx(forced(model, picture, ids), abs=1e-3)


def follows_in_template(model: ChatModel, picture: Image.Image, answer: str, ids: list[int]) -> None:
    """An answer's tokens, up to its end mark, are those that a later turn of the talk reads behind the question."""
    before = model.prepare(ask(picture))["input_ids"][0].tolist()
    before = before[:-1] if model.model.config.model_type == "blip" else before
    later = [*ask(picture), Message("assistant", answer), Message("user", "why ?")]
    assert model.prepare(later)["input_ids"][0].tolist()[len(before) :][: len(ids) - 1] == ids[:-1]


def forced(model: ChatModel, picture: Image.Image, ids: list[int]) -> float:
    """The sum of the log-softmax of an answer's tokens."""
    network = model.model
    if model.name == "blip_vqa":
        inputs = model.prepare(ask(picture))
        with torch.no_grad():
            states = network.vision_model(inputs["pixel_values"]).last_hidden_state
            question = network.text_encoder(
                inputs["input_ids"], inputs["attention_mask"], encoder_hidden_states=states
            ).last_hidden_state
            read = torch.tensor([[network.decoder_start_token_id, *ids[:-1]]])
            logits = network.text_decoder(read, encoder_hidden_states=question).logits[0]
    else:
        given = network.generation_config.forced_bos_token_id
        pieces = [SimpleNamespace(token_id=token) for token in ([] if given is None else [given]) + ids]
        run = teacher_forced_forward(model, SimpleNamespace(messages=ask(picture), pieces=pieces))
        logits = run.logits[-len(ids) :]
    return float(logits.log_softmax(-1).gather(-1, torch.tensor(ids)[:, None]).sum())


def drive_several_pictures(model: ChatModel, picture: Image.Image) -> None:
    one, other = (
        [piece.probability for piece in model.generate(ask(picture, second), max_new_tokens=2).pieces]
        for second in (picture, picture.rotate(180))
    )
    assert one != other


def drive_several_turns(model: ChatModel, picture: Image.Image) -> None:
    read = read_words(model, talk(picture))
    assert read.index("what is this") < read.index("two red dogs") < read.index("is there a cat")
    assert model.generate(talk(picture), max_new_tokens=2).pieces


def drive_system_prompt(model: ChatModel, picture: Image.Image) -> None:
    read = read_words(model, with_rules(picture))
    assert read.index("count the circles") < read.index("what is this")
    assert model.generate(with_rules(picture), max_new_tokens=2).pieces


def drive_layout(model: ChatModel, picture: Image.Image) -> None:
    several = SEVERAL_PICTURES in CHAT_FAMILIES[model.name].verbs
    images = [picture, picture.rotate(90, expand=True)] if several else [picture]
    inputs = model.prepare(ask(*images))
    layouts = image_layouts(model.model, model.processor, inputs, images)
    tokens = [token for layout in layouts for token in layout.tokens]
    assert len(tokens) == len(set(tokens)) and set(tokens) <= set(image_positions(model.model, inputs))
    assert {layout.image for layout in layouts} == set(range(len(images)))
    for layout in layouts:
        width, height = images[layout.image].size
        assert len(layout.tokens) == len(layout.boxes) == layout.grid[0] * layout.grid[1]
        assert all(0 <= x0 <= x1 <= width and 0 <= y0 <= y1 <= height for x0, y0, x1, y1 in layout.boxes)
        assert layout.tokens == tuple(sorted(layout.tokens))
    for place, image in enumerate(images):
        shown = sum((x1 - x0) * (y1 - y0) for x in layouts if x.image == place for x0, y0, x1, y1 in x.boxes)
        assert shown > 0.5 * image.width * image.height


def drive_attention(model: ChatModel, picture: Image.Image, folder: str) -> None:
    """What is recorded is what the official eager attention computes with `output_attentions=True`."""
    assert model.attention_reason is None
    several = SEVERAL_PICTURES in CHAT_FAMILIES[model.name].verbs
    messages = ask(picture, picture.rotate(90, expand=True)) if several else ask(picture)
    seen = trace(model, messages, max_new_tokens=4, text=True)
    image_tokens = [token for layout in seen.layouts for token in layout.tokens]
    expected = eager_rows(folder, model.prepare(messages), seen)
    image, text = expected[seen.layouts[0].sequence], expected["encoder" if model.name == "florence2" else "prompt"]
    np.testing.assert_allclose(seen.attention, image[..., image_tokens], atol=1e-5, rtol=0)
    assert seen.attention[...].max() > 1e-3
    ids, words = model.prepare(messages)["input_ids"][0].tolist(), range(len(seen.text_tokens))
    if not model.name.startswith("blip"):
        words = [place for place, token in enumerate(ids) if token != model.model.config.image_token_id]
    np.testing.assert_allclose(seen.text, text[..., list(words)], atol=1e-5, rtol=0)
    assert "what" in "".join(seen.text_tokens)


def eager_rows(folder: str, inputs: hf.BatchFeature, seen: Trace) -> dict[str, np.ndarray]:
    """The last row of every step: (pieces, layers, heads, positions), of self-attention and of cross-attention."""
    eager = hf.AutoModelForImageTextToText.from_pretrained(folder, attn_implementation="eager").eval()
    if eager.config.model_type == "blip":
        return blip_rows(eager, inputs, [piece.token_id for piece in seen.pieces])
    options = dict(max_new_tokens=4, do_sample=False, num_beams=1, output_attentions=True, return_dict_in_generate=True)
    found = eager.generate(**inputs, **options)
    prompt = inputs["input_ids"].shape[1]
    if eager.config.is_encoder_decoder:
        return {"encoder": last_rows(found.cross_attentions, prompt)}
    return {"prompt": last_rows(found.attentions, prompt)}


def blip_rows(eager: hf.BlipForConditionalGeneration, inputs: hf.BatchFeature, ids: list[int]) -> dict[str, np.ndarray]:
    """BLIP's `generate` returns no cross-attention: its decoder reads prompt and answer once more."""
    prompt = inputs["input_ids"][:, :-1].clone()
    prompt[:, 0] = eager.config.text_config.bos_token_id
    read = torch.cat([prompt, torch.tensor([ids[:-1]])], 1)
    with torch.no_grad():
        states = eager.vision_model(inputs["pixel_values"]).last_hidden_state
        found = eager.text_decoder(read, encoder_hidden_states=states, output_attentions=True, return_dict=True)
    start = prompt.shape[1]
    squares = {"prompt": found.attentions, "encoder": found.cross_attentions}
    return {
        sequence: torch.stack([layer[0, :, start - 1 :] for layer in layers]).permute(2, 0, 1, 3).numpy()
        for sequence, layers in squares.items()
    }


def last_rows(by_step: tuple, positions: int) -> np.ndarray:
    """A layer that sees only the nearest tokens has fewer keys: what lies before them gets nothing."""
    steps = []
    for layers in by_step:
        rows = [layer[0, :, -1] for layer in layers]
        keys = max(row.shape[-1] for row in rows)
        rows = [torch.nn.functional.pad(row, (keys - row.shape[-1], 0)) for row in rows]
        steps.append(torch.stack(rows)[..., :positions])
    return torch.stack(steps).numpy()


DRIVERS = {
    ANSWER: drive_answer,
    CANDIDATES: drive_candidates,
    GIVEN: drive_given,
    SEVERAL_PICTURES: drive_several_pictures,
    SEVERAL_TURNS: drive_several_turns,
    SYSTEM_PROMPT: drive_system_prompt,
    LAYOUT: drive_layout,
    ATTENTION: drive_attention,
}


def pairs(claimed: bool) -> list[tuple[str, str]]:
    return [
        (family, verb)
        for family, entry in CHAT_FAMILIES.items()
        for verb in CHAT_VERBS
        if (verb in entry.verbs) == claimed
    ]


@pytest.mark.parametrize(("family", "verb"), pairs(claimed=True))
def test_a_family_does_what_it_claims(checkpoint, picture, family, verb):
    folder = str(checkpoint(family))
    loaded = load(folder)
    model = ChatModel(family, None, loaded.model, loaded.processor, loaded.attention_reason)
    more = (folder,) if verb == ATTENTION else ()
    DRIVERS[verb](model, picture, *more)


@pytest.mark.parametrize(("family", "verb"), pairs(claimed=False))
def test_what_a_family_cannot_do_is_refused_with_a_sentence(checkpoint, picture, family, verb):
    model = load(str(checkpoint(family)))
    if verb == ATTENTION:
        assert model.attention_reason.endswith(".")
        with pytest.raises(NoLayout) as refused:
            trace(model, ask(picture))
        assert str(refused.value) == model.attention_reason
        return
    if verb == LAYOUT:
        with pytest.raises(NoLayout, match=r"\.$"):
            image_layouts(model.model, model.processor, model.prepare(ask(picture)), [picture])
        return
    messages, why = {
        SEVERAL_PICTURES: (ask(picture, picture), "looks at 1 picture, and this conversation shows 2"),
        SEVERAL_TURNS: (talk(picture), "without earlier turns"),
        SYSTEM_PROMPT: (with_rules(picture), "no system prompt"),
    }[verb]
    with pytest.raises(CannotRead, match=why):
        model.prepare(messages)


@pytest.mark.parametrize("family", CHAT_FAMILIES)
def test_without_a_picture_a_family_answers_or_says_that_it_needs_one(checkpoint, family):
    model = load(str(checkpoint(family)))
    if family in ("paligemma", "florence2", "blip", "blip_vqa", "blip_chat"):
        assert model.limits.images[0] == 1
        with pytest.raises(CannotRead, match="nothing without a picture"):
            model.prepare(ask())
        return
    answer = model.generate(ask(), max_new_tokens=2)
    assert answer.pieces and answer.statistics.image_tokens == 0
    with pytest.raises(NoLayout, match="no picture"):
        image_layouts(model.model, model.processor, model.prepare(ask()), [])


def test_a_template_that_refuses_a_conversation_is_quoted(checkpoint, picture):
    twice = [*ask(picture), *ask(picture)]
    with pytest.raises(CannotRead, match="chat template says: Conversation roles must alternate"):
        load(str(checkpoint("gemma3"))).prepare(twice)


@pytest.mark.parametrize(
    ("family", "text", "read"),
    [
        ("paligemma", "", "<bos>caption en\n"),
        ("paligemma", "detect cat", "<bos>detect cat\n"),
        ("paligemma", "how many dogs ?", "<bos>answer en how many dogs ?\n"),
        ("paligemma", "what is <loc0042> <image> ?", "<bos>answer en what is <loc0042> < image> ?\n"),
        ("florence2", "", "<s>What does the image describe?</s>"),
        ("florence2", "<OD>", "<s>Locate the objects with category name in the image.</s>"),
        ("florence2", "<OPEN_VOCABULARY_DETECTION> a cat", "<s>Locate a cat in the image.</s>"),
        ("florence2", "<REGION_TO_CATEGORY><loc_1><image>", "<s>What is the region <loc_1>< image>?</s>"),
        ("florence2", "what is <od>", "<s>what is < od></s>"),
        *[("paligemma", PROMPTS[style], f"<bos>{task} en\n") for style, task in DESCRIPTIONS.items()],
        ("florence2", PROMPTS["short"], "<s>What does the image describe?</s>"),
        ("florence2", PROMPTS["detailed"], "<s>Describe with a paragraph what is shown in the image.</s>"),
        ("blip", PROMPTS["short"], "[DEC][SEP]"),
        ("blip_vqa", PROMPTS["short"], "[CLS]describe the picture.[SEP]"),
        ("blip", "", "[DEC][SEP]"),
        ("blip", "a photo of", "[DEC]a photo of[SEP]"),
        ("blip", "a [SEP] b", "[DEC]a [ SEP] b[SEP]"),
        ("blip_vqa", "how many ?", "[CLS]how many ?[SEP]"),
        ("blip_chat", "<user> how many ?", "<s><user>< user> how many ?<assistant></s>"),
    ],
)
def test_what_families_without_a_template_read(checkpoint, picture, family, text, read):
    assert read_words(load(str(checkpoint(family))), ask(picture, text=text)).endswith(read)


def test_a_caption_goes_on_where_its_beginning_ends(checkpoint, picture):
    """BLIP's `generate` drops the prompt's last token, which therefore is an end mark and none of the words."""
    model = load(str(checkpoint("blip")))
    inputs = model.prepare(ask(picture, text="a photo of a"))
    tokenizer = model.processor.tokenizer
    sequence = model.model.generate(**inputs, max_new_tokens=3, do_sample=False)[0]
    answer = model.generate(ask(picture, text="a photo of a"), max_new_tokens=3)
    start = answer_start(model.model, inputs)
    assert tokenizer.decode(sequence[:start]) == "[DEC]a photo of a"
    assert [piece.token_id for piece in answer.pieces] == sequence[start:].tolist()
