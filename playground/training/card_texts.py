"""What the model cards say in words: what each checkpoint is, how to load it, and what it does not know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """The words about one checkpoint; ``load`` and ``plain`` are code that a test runs, each ends with a comment that
    shows what it prints."""

    what: str
    class_name: str
    pipeline_tag: str
    tags: tuple[str, ...]
    load: str
    plain: str
    limits: tuple[str, ...]
    base: str = ""
    library: str = "transformers"


DATA = """
Scenes that are drawn on the fly (`playground/moji/`): one to six things on a quiet ground, 192 × 192 pixels, out of
{nouns} nouns in {styles} drawing styles, {shapes} shapes in {colours} colours, and signs with a short word or a number.
Captions, questions and answers follow from what was drawn, so nothing was labelled by hand and nothing was scraped. One
pair of nouns in fifty is held out: they never stand in one scene. No photographs, no texts from elsewhere, no other
model's weights.

The drawings: {makers}.
"""

LICENCE = """
Weights: Apache-2.0. They were trained on drawings that keep their licences and want their makers named: {makers}.
"""

MAKERS = """Noto Emoji © Google (Apache-2.0), Twemoji © Twitter, Inc. and other contributors (CC-BY-4.0), Fluent Emoji
© Microsoft Corporation (MIT)"""
MORE_MAKERS = """Firefox OS Emoji © Mozilla (Apache-2.0), Emoji One © Emoji One (CC-BY-4.0)"""
# Models whose weights learnt from all styles, colours and shapes, in changed looks and light.
WIDE = ("moji-clip",)

LIMITS = (
    "It has never seen a photograph. Whatever it says about one means nothing, however sure it sounds.",
    "It knows {nouns} nouns in {styles} drawing styles, {shapes} shapes, {colours} colours, and nothing else.",
    "English only, in plain letters; it sees everything in lower case.",
    "It is made for teaching. Do not build anything on it that matters.",
)

_TALK_LIMITS = (
    "One picture at a time, no system prompt, and questions of the kinds in the table; others get a guess, or “i only "
    "know my emoji world.”",
    "It counts by sight, and learnt scenes of up to six things: with more, and with small things that stand close "
    "together, counts go wrong first.",
    "Training misspelt one question in twelve, by one letter. Stranger spellings and wordings it reads worse: see the "
    "last rows of the harder worlds.",
)

_ASK = """
from PIL import Image
from playground import load
from playground.models.messages import Message

model = load("{name}")
picture = Image.open("assets/examples/two-dogs.png")
print(model.generate([Message("user", "How many dogs are there?", (picture,))]).text)  # two
"""

CARDS = {
    "moji-clip": Card(
        "A picture encoder and a text encoder that meet in one space, and whose patches know the names of what they "
        "show: zero-shot classification, search, and what the other Moji models see with.",
        "CLIPModel",
        "zero-shot-image-classification",
        ("clip", "vision"),
        """
from PIL import Image
from playground import load

model = load("moji-clip")
picture = Image.open("assets/examples/two-dogs.png")
print(model.match(picture, ["two dogs, a cat and a ball", "a bus"])[0][0])  # two dogs, a cat and a ball
""",
        """
import torch
from PIL import Image
from transformers import AutoModelForZeroShotImageClassification, AutoProcessor

folder, texts = "assets/moji/moji-clip", ["two dogs, a cat and a ball", "a bus"]
model = AutoModelForZeroShotImageClassification.from_pretrained(folder, dtype=torch.float32)
processor = AutoProcessor.from_pretrained(folder)
inputs = processor(images=Image.open("assets/examples/two-dogs.png"), text=texts, padding=True, return_tensors="pt")
with torch.no_grad():
    print(texts[model(**inputs).logits_per_image.argmax()])  # two dogs, a cat and a ball
""",
        ("Texts are read up to 64 tokens.",),
    ),
    "moji-vlm": Card(
        "Talks about a picture: the vision tower of `moji-clip`, a projector and a small Llama that learnt to speak "
        "from scratch (LLaVA).",
        "LlavaForConditionalGeneration",
        "image-text-to-text",
        ("llava", "vision", "visual-question-answering", "image-captioning"),
        _ASK.format(name="moji-vlm"),
        """
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

folder, picture = "assets/moji/moji-vlm", Image.open("assets/examples/two-dogs.png")
model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
processor = AutoProcessor.from_pretrained(folder)
question = [{"type": "image", "image": picture}, {"type": "text", "text": "How many dogs are there?"}]
inputs = processor.apply_chat_template(
    [{"role": "user", "content": question}],
    add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt",
)
with torch.no_grad():
    output = model.generate(**inputs)
print(processor.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))  # two
""",
        _TALK_LIMITS,
        base="moji-clip",
    ),
    "moji-vlm-json": Card(
        "An adapter (LoRA) that teaches `moji-vlm` one more thing: asked to “list everything as json.”, it answers "
        'with a list such as `["2 dogs", "1 ball"]`. The base is not changed; it is needed beside the adapter.',
        "LlavaForConditionalGeneration",
        "image-text-to-text",
        ("lora", "llava", "vision"),
        """
import json
from PIL import Image
from playground import load
from playground.models.messages import Message

model = load("assets/moji/moji-vlm-json")
picture = Image.open("assets/examples/two-dogs.png")
answer = model.generate([Message("user", "list everything as json.", (picture,))]).text
print(type(json.loads(answer)))  # <class 'list'>
""",
        """
import json
import torch
from PIL import Image
from peft import PeftModel
from transformers import AutoModelForImageTextToText, AutoProcessor

folder, picture = "assets/moji/moji-vlm", Image.open("assets/examples/two-dogs.png")
base = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
processor = AutoProcessor.from_pretrained(folder)
model = PeftModel.from_pretrained(base, "assets/moji/moji-vlm-json")
question = [{"type": "image", "image": picture}, {"type": "text", "text": "list everything as json."}]
inputs = processor.apply_chat_template(
    [{"role": "user", "content": question}],
    add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt",
)
with torch.no_grad():
    output = model.generate(**inputs)
answer = processor.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
print(type(json.loads(answer)))  # <class 'list'>
""",
        (*_TALK_LIMITS, "The names are plain strings with a number before them, no nested structure."),
        base="moji-vlm",
        library="peft",
    ),
    "moji-blip": Card(
        "Captions and answers by cross-attention: the picture does not stand among the words, the decoder looks at it "
        "beside them (BLIP). The other way to join the two, to compare with `moji-vlm`.",
        "BlipForConditionalGeneration",
        "image-text-to-text",
        ("blip", "vision", "visual-question-answering", "image-captioning"),
        _ASK.format(name="moji-blip"),
        """
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

folder, picture = "assets/moji/moji-blip", Image.open("assets/examples/two-dogs.png")
model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
processor = AutoProcessor.from_pretrained(folder)
talk = [{"role": "user", "content": "How many dogs are there?"}]
text = processor.tokenizer.apply_chat_template(talk, add_generation_prompt=True, tokenize=False)
inputs = processor(images=picture, text=text, return_tensors="pt")
with torch.no_grad():
    output = model.generate(**inputs, max_new_tokens=96)  # BLIP leaves out the prompt's last token, its end mark
print(processor.decode(output[0, inputs["input_ids"].shape[1] - 1 :], skip_special_tokens=True))  # two
""",
        _TALK_LIMITS,
        base="moji-clip",
    ),
    "moji-clipseg": Card(
        "Paints what a phrase names: a small mask decoder on the frozen `moji-clip` (CLIPSeg).",
        "CLIPSegForImageSegmentation",
        "image-segmentation",
        ("clipseg", "vision", "zero-shot"),
        """
from PIL import Image
from playground import load

model = load("moji-clipseg")
dogs, buses = model.segment(Image.open("assets/examples/two-dogs.png"), ["dog", "bus"]).masks(0.5)
print(dogs.sum() > 10 * buses.sum())  # True
""",
        """
import torch
from PIL import Image
from transformers import AutoProcessor, CLIPSegForImageSegmentation

folder, phrases = "assets/moji/moji-clipseg", ["dog", "bus"]
model = CLIPSegForImageSegmentation.from_pretrained(folder, dtype=torch.float32)
processor = AutoProcessor.from_pretrained(folder)
pictures = [Image.open("assets/examples/two-dogs.png")] * len(phrases)
inputs = processor(images=pictures, text=phrases, padding=True, return_tensors="pt")
with torch.no_grad():
    dogs, buses = model(**inputs).logits.sigmoid() > 0.5  # two masks of 192 × 192
print(bool(dogs.sum() > 10 * buses.sum()))  # True
""",
        ("It paints all things that a phrase fits as one mask; it does not tell two dogs apart.",),
        base="moji-clip",
    ),
    "moji-owl": Card(
        "Finds what words name, as boxes: two small heads on the encoders of `moji-clip` (OWL-ViT).",
        "OwlViTForObjectDetection",
        "zero-shot-object-detection",
        ("owlvit", "vision"),
        """
from PIL import Image
from playground import load

model = load("moji-owl")
found = model.detect(Image.open("assets/examples/two-dogs.png"), ["dog", "cat", "bus"])
print(sorted(each.name for each in found))  # ['cat', 'dog', 'dog']
""",
        """
import torch
from PIL import Image
from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

folder, names = "assets/moji/moji-owl", ["dog", "cat", "bus"]
model = AutoModelForZeroShotObjectDetection.from_pretrained(folder, dtype=torch.float32)
processor = AutoProcessor.from_pretrained(folder)
picture = Image.open("assets/examples/two-dogs.png")
inputs = processor(images=picture, text=[names], return_tensors="pt")
with torch.no_grad():
    output = model(**inputs)
(found,) = processor.post_process_grounded_object_detection(
    output, threshold=0.3, target_sizes=[picture.size[::-1]], text_labels=[names]
)
print(sorted(set(found["text_labels"])))  # ['cat', 'dog']
""",
        (
            "Names are read up to 16 tokens, the end mark included.",
            "One thing may get two boxes: keep the surest of those that overlap, as `load` does and plain "
            "`transformers` does not.",
        ),
        base="moji-clip",
    ),
}
