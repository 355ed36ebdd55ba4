"""Small screens over a pane: menu, prompt, help."""
