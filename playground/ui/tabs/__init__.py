"""One folder a tab: its layout, its actions, its view."""
