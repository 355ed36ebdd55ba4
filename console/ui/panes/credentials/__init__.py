"""The Credentials pane: certificate, token and payload tools, a tab each."""
