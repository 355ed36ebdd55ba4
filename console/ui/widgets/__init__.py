"""Widgets that draw their own lines; data reaches them as plain text with style tokens, never as markup."""
