"""The Network pane."""
