"""Pure presentation: model -> rows, labels, glyphs and words; no Textual, no I/O."""
