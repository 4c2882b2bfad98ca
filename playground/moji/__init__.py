"""The synthetic world that the embedded models know: sprites, scenes, and the words about them."""
