"""Workers: where user code runs, never on the corridor's thread."""
