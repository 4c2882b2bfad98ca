"""What is special about each family of models: one file a family, one line each in the registry."""
