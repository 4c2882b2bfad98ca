"""What a model's name stands for: the catalogue, files on disk and on the Hub, downloads, and whether they fit.

Nothing here imports torch before a question needs it.
"""
