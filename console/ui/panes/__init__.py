"""One folder per pane."""
