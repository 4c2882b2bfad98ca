"""Which tokens hold a picture, and which part of the picture each of them shows."""
