"""The process graph: frozen structs that every front end compiles to."""
