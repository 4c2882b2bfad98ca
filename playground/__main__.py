"""python -m playground COMMAND; see `playground.cli`."""

from playground.cli import main

if __name__ == "__main__":
    main()
