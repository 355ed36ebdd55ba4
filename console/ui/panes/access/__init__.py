"""The Access pane: Entra roles and who has them."""
