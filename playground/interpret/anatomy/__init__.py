"""A picture's way through a model, stage by stage."""
