"""One package per pane; panes do not import each other."""
