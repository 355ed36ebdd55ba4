"""What is decided, pure."""
