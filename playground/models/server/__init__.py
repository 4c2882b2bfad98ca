"""Chat models on an OpenAI-compatible server, with the verbs of those on this machine."""
