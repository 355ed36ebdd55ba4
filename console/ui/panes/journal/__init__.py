"""The Journal pane."""
