"""The commands, one table per pane; `console.ui.commands` joins them."""
