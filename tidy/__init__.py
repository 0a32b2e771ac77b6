"""House rules that no linter knows. Each rule reads sources and returns its complaints."""
