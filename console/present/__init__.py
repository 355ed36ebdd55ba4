"""Pure model to rows, labels and words."""
