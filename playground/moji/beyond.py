"""What lies outside Moji's world: words it has never been shown, and questions that no picture can answer.

The last ones of each list are kept for measuring (``held_out``): training never draws them.
"""

from __future__ import annotations

from playground.moji.synonyms import known_words
from playground.moji.world import KINDS, plural

ANSWER = "I only know my emoji world"
COLOUR_ANSWER = "I only know the colours of shapes"

_THINGS = """person man woman child boy girl baby people doctor lawyer teacher soldier king queen president friend
    mother father brother sister neighbour crowd face hand foot leg eye nose mouth hair beard tooth finger skin
    unicorn dragon ghost zombie alien mermaid vampire wizard fairy angel dinosaur rhino hippo ostrich seal otter
    moose deer gorilla lizard worm beetle wasp mosquito pigeon sparrow crow donkey leopard cheetah squirrel raccoon
    grass leaf forest mountain river lake ocean beach desert island valley field road bridge street tunnel
    tower wall roof floor window kitchen garden village city town country planet earth sky wind rain storm thunder
    fire smoke water ice stone sand gold silver iron glass paper plastic wood cotton leather
    plum cherry grape melon fig date raisin lettuce cabbage spinach celery pumpkin radish rice pasta noodles soup
    salad steak bacon sausage butter yoghurt honey sugar salt chocolate biscuit pancake burger juice water whisky
    jeans trousers socks gloves belt tie suit jacket sweater sandals helmet glasses necklace earring bracelet
    table desk sofa lamp carpet curtain pillow blanket shelf cupboard drawer stove fridge oven sink bathtub towel
    fork spoon knife plate bowl cup bottle jar box bag wallet purse suitcase backpack
    laptop keyboard printer tablet charger battery cable speaker headphones microphone
    van jeep tram subway submarine tank spaceship wagon carriage
    pen crayon ruler eraser scissors glue stapler needle thread rope chain nail screw shovel rake bucket pump
    money coin banknote ticket stamp map flag poster painting statue
    love music time weather idea dream story secret war peace"""

_QUESTIONS = (
    "who are you?", "what time is it?", "what is your name?", "who is the president?", "tell me a joke.",
    "what is the weather tomorrow?", "how much does it cost?", "who took this picture?", "write a poem.",
    "where was this taken?", "what happened before?", "is this a real photo?", "who made you?", "hello", "hi there",
    "what is the capital of france?", "how old is it?", "thank you", "what is two plus two?", "sing a song.",
    "do you like me?", "why is the sky blue?", "what will happen next?", "is it happy?", "are they hungry?",
    "what is it thinking?", "what is its name?", "who owns it?", "is it expensive?", "what sound does it make?",
    "when was this made?", "which country is this?", "what season is it?", "is it day or night?", "is this art?",
    "translate this to french.", "write me some code.", "what should i eat today?", "can you help me?", "good morning",
    "what do you think about politics?", "who won the game?", "how heavy is it?", "what is it made of?", "is it alive?",
    "how do i get to the station?", "what is the meaning of life?", "are you human?", "can you draw a picture?",
    "how fast is it?", "what language do you speak?", "do you know my mother?", "what did i say before?", "goodbye",
    "is it dangerous?", "how does it smell?", "what does it eat?", "where do you live?", "are you sure about life?",
    "who painted this?", "what year is it?", "how are you?", "do you dream?", "what is the artist's name?",
    "is she smiling?", "what is he doing?", "what are the people doing?", "why are they sad?", "is anyone at home?",
)  # fmt: skip


def outside_things(held_out: bool = False) -> tuple[str, ...]:
    """Nouns that no scene shows; one in six is held out of training."""
    known = {*known_words(), *KINDS, *map(plural, KINDS)}
    things = [word for word in dict.fromkeys(_THINGS.split()) if word not in known]
    return tuple(word for i, word in enumerate(things) if (i % 6 == 5) == held_out)


def outside_questions(held_out: bool = False) -> tuple[str, ...]:
    """Questions that a picture of this world cannot answer; one in six is held out of training."""
    return tuple(text for i, text in enumerate(_QUESTIONS) if (i % 6 == 5) == held_out)
