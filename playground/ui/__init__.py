"""The app's pages: one file a tab, thin over the tasks."""
