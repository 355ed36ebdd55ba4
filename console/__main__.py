"""`python -m console` is the command `hubwarden`."""

from console.cli.main import main

if __name__ == "__main__":
    main()
