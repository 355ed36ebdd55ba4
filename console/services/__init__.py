"""What the product does, without a user interface."""
