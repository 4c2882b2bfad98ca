"""Many pictures at once: in batches, as a table of answers, as a folder of captions that goes on where it ended."""
