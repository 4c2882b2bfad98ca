"""Looking in: which parts of the picture each word of an answer attended to, and how good such a map is."""
