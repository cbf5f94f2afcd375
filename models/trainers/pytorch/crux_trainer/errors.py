"""What may go wrong, in words the hub and people understand."""

from __future__ import annotations


class TrainingError(Exception):
    """A job that cannot be done. `kind` is a short machine name, `retryable` says whether another try may succeed."""

    def __init__(self, kind: str, message: str, retryable: bool = False):
        super().__init__(message)
        self.kind = kind
        self.retryable = retryable


class Cancelled(Exception):
    """Somebody wants the training to stop: the hub, a person, or the program that started it has gone."""
