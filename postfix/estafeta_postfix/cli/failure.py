"""What a subcommand raises when it cannot do what it was asked; the text says what to do."""


class Failure(Exception):  # noqa: N818 - it is an outcome that a person reads, not a mistake of the program
    """One line for standard error, and the exit status that goes with it."""

    def __init__(self, text: str, status: int = 2) -> None:
        super().__init__(text)
        self.status = status
