"""The Policies pane."""
