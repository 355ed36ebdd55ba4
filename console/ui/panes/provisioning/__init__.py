"""The Provisioning pane."""
