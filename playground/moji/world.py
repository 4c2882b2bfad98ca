"""What exists in Moji's world: nouns with their kind, shapes, colours, and the places in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

CANVAS = 192  # pixels on a side of a scene
PATCH = 16  # pixels on a side of a patch; a scene is a grid of 12 × 12
STYLES = ("noto", "twemoji", "fluent")
MORE_STYLES = ("fluent-flat", "fluent-contrast", "noto-v1", "fxemoji", "emojione")  # some draw not every noun
ALL_STYLES = STYLES + MORE_STYLES
SHAPES = ("circle", "square", "triangle", "star", "heart", "diamond")
MORE_SHAPES = ("rectangle", "oval")
ALL_SHAPES = SHAPES + MORE_SHAPES
COLOURS = {
    "red": (220, 38, 38),
    "orange": (245, 130, 20),
    "yellow": (250, 204, 21),
    "green": (22, 150, 60),
    "blue": (37, 99, 235),
    "purple": (130, 50, 180),
    "pink": (244, 114, 182),
    "black": (20, 20, 20),
}
MORE_COLOURS = {
    "gray": (128, 128, 128),
    "brown": (125, 75, 35),
    "teal": (13, 125, 125),
    "cyan": (30, 205, 225),
    "white": (250, 250, 250),
}
ALL_COLOURS = COLOURS | MORE_COLOURS
# Other people's red is another red: what else goes by each name.
SHADES = {
    "red": ((255, 0, 0), (200, 20, 30), (240, 70, 60)),
    "orange": ((255, 165, 0), (255, 120, 0), (235, 140, 50)),
    "yellow": ((255, 255, 0), (240, 220, 60), (255, 225, 90)),
    "green": ((0, 128, 0), (0, 255, 0), (80, 180, 80), (30, 110, 50)),
    "blue": ((0, 0, 255), (30, 60, 160), (70, 130, 240)),
    "purple": ((128, 0, 128), (150, 60, 220), (95, 40, 150)),
    "pink": ((255, 192, 203), (255, 105, 180), (250, 150, 190)),
    "black": ((0, 0, 0), (40, 40, 45)),
    "gray": ((105, 105, 105), (160, 160, 160), (115, 120, 130)),
    "brown": ((139, 69, 19), (100, 60, 30), (150, 95, 55)),
    "teal": ((0, 128, 128), (20, 150, 145), (0, 100, 105)),
    "cyan": ((0, 255, 255), (60, 220, 235), (0, 190, 210)),
    "white": ((255, 255, 255), (240, 240, 240)),
}
PLACES = (
    ("top left", "top", "top right"),
    ("left", "middle", "right"),
    ("bottom left", "bottom", "bottom right"),
)
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
WRITINGS = ("stop", "open", "exit", "sale", "zoo", "cafe", "wow", "hello", "go", "hi", *"123456789")  # on signs

# kind -> "noun" or "noun:emoji short name" where the two differ
_KINDS = {
    "animal": """dog cat horse:racehorse cow:cow2 pig:pig2 sheep goat camel elephant giraffe:giraffe_face
        zebra:zebra_face lion:lion_face tiger:tiger2 bear panda:panda_face koala rabbit:rabbit2 mouse:mouse2
        fox:fox_face wolf monkey kangaroo hedgehog bat frog turtle snake crocodile whale:whale2 dolphin octopus
        crab lobster shark fish:tropical_fish snail butterfly bee ant spider ladybug squid""",
    "bird": "chicken penguin duck owl eagle swan flamingo parrot peacock turkey",
    "plant": "rose sunflower tulip cactus tree:deciduous_tree palm:palm_tree mushroom clover:four_leaf_clover",
    "fruit": "apple banana pineapple strawberry lemon pear peach watermelon kiwi:kiwifruit coconut mango",
    "vegetable": """carrot corn tomato broccoli potato onion garlic eggplant pepper:hot_pepper cucumber""",
    "food": """bread cheese:cheese_wedge egg hamburger pizza hotdog taco sandwich pretzel cookie donut:doughnut
        cake pie popcorn candy lollipop sushi croissant waffle""",
    "drink": "coffee tea milk:glass_of_milk beer wine:wine_glass",
    "vehicle": """car bus taxi truck ambulance tractor bicycle:bike scooter motorcycle:racing_motorcycle
        train:train2 airplane helicopter rocket boat ship canoe skateboard""",
    "building": "house school hospital church castle:european_castle tent factory",
    "garment": """shirt dress coat scarf hat:womans_hat shoe:athletic_shoe boot crown ring
        cap:billed_cap""",
    "instrument": """guitar violin trumpet drum:drum_with_drumsticks piano:musical_keyboard saxophone accordion
        banjo""",
    "tool": "hammer axe wrench screwdriver saw:carpentry_saw key ladder magnet",
    "furnishing": "chair bed door couch:couch_and_lamp mirror toilet",
    "device": "phone:iphone computer camera television:tv radio bulb clock:alarm_clock watch",
    "toy": "ball:soccer kite balloon teddy:teddy_bear puzzle:jigsaw robot:robot_face",
    "object": """book envelope:email pencil:pencil2 candle gift bell bomb anchor broom basket bucket trophy
        umbrella snowman snowflake cloud rainbow moon:crescent_moon sun:sun_with_face""",
}
_PLURALS = {
    "sheep": "sheep", "fish": "fish", "mouse": "mice", "wolf": "wolves", "scarf": "scarves", "snowman": "snowmen",
    "broccoli": "broccoli", "corn": "corn", "popcorn": "popcorn", "sushi": "sushi", "tomato": "tomatoes",
    "potato": "potatoes", "mango": "mangoes", "loaf": "loaves", "maize": "maize", "sweetcorn": "sweetcorn",
    "chilli": "chillies", "chili": "chilies",
}  # fmt: skip
# Things that are often seen together. Scenes draw them together more often than chance, so that "is there a taxi?"
# beside a bus asks for a look at the picture.
COMPANIONS = tuple(
    tuple(words.split())
    for words in (
        "dog cat rabbit mouse", "cow pig sheep goat horse", "lion tiger elephant zebra giraffe",
        "bus car taxi truck train", "bicycle motorcycle scooter skateboard", "boat ship canoe whale dolphin",
        "bread cheese egg coffee croissant",
        "pizza hamburger hotdog taco beer", "apple banana pear peach lemon", "carrot tomato potato onion broccoli",
        "cookie donut cake candy lollipop", "guitar piano drum violin trumpet", "hammer saw wrench screwdriver axe",
        "phone computer camera television radio", "chair bed door couch mirror", "shirt dress coat hat shoe",
        "bee butterfly ant spider ladybug", "rose tulip sunflower cactus", "house church school hospital castle",
        "crab lobster shark octopus squid", "sun moon cloud rainbow snowflake", "ball kite balloon teddy puzzle",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Noun:
    """One thing that can stand in a scene. ``emoji`` is its short name in emoji-datasource; "" for a shape."""

    word: str
    kind: str
    emoji: str = ""


def _nouns() -> dict[str, Noun]:
    nouns = {}
    for kind, words in _KINDS.items():
        for item in words.split():
            word, _, emoji = item.partition(":")
            nouns[word] = Noun(word, kind, emoji or word)
    shapes = {shape: Noun(shape, "shape") for shape in ALL_SHAPES}
    return nouns | shapes | {"sign": Noun("sign", "object")}


NOUNS: dict[str, Noun] = _nouns()
EMOJI_NOUNS = tuple(word for word, noun in NOUNS.items() if noun.emoji)
KINDS = (*_KINDS, "shape")


def names() -> tuple[str, ...]:
    """Every name that a thing can have: nouns, shapes with their colour, signs with their writing; 261 in all."""
    shapes = (f"{colour} {shape}" for shape in SHAPES for colour in COLOURS)
    return (*EMOJI_NOUNS, *shapes, *(f"{writing} sign" for writing in WRITINGS))


def all_names() -> tuple[str, ...]:
    """`names`, and those of the shapes and colours that training draws beside them."""
    shapes = [f"{colour} {shape}" for shape in ALL_SHAPES for colour in ALL_COLOURS]
    return tuple(dict.fromkeys((*names(), *shapes)))


def plural(word: str) -> str:
    """English plural of a noun of this world: ``plural("mouse") == "mice"``."""
    if word in _PLURALS:
        return _PLURALS[word]
    if word.endswith(("s", "x", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


def article(phrase: str) -> str:
    """The phrase with "a" or "an" before it."""
    return ("an " if phrase[0] in "aeiou8" else "a ") + phrase


def held_out(one: str, other: str) -> bool:
    """Whether two different nouns never stand in one training scene: one pair in fifty, fixed for good.

    Scenes with such pairs show whether a model has learnt things one by one or by heart together.
    """
    return one != other and crc32(" ".join(sorted((one, other))).encode()) % 50 == 0


def place_of(x: float, y: float) -> str:
    """Name of the ninth of the canvas that holds the point (pixels): "top left" … "bottom right"."""
    column, row = (min(2, max(0, int(3 * value / CANVAS))) for value in (x, y))
    return PLACES[row][column]
