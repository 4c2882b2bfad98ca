"""Running a model once more over an answer that was given, and what such a run shows, costs and passes on."""
