"""The Textual user interface; the only package that imports Textual."""

import os

if os.environ.get("SSH_CONNECTION"):
    # Textual reads these once, when it is imported: over SSH every frame costs bytes.
    os.environ.setdefault("TEXTUAL_FPS", "30")
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
