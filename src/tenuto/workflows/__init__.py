"""Python workflows: coroutines that are replayed over recorded outcomes."""
