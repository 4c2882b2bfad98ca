"""The thin wrapper: a name becomes a running model. Nothing here imports torch before a model is loaded."""
