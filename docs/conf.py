project = "Tenuto"
author = "The Tenuto authors"
copyright = "The Tenuto authors"

extensions = ["myst_parser", "sphinx_copybutton"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist", "substitution"]
myst_heading_anchors = 3

html_theme = "furo"
html_extra_path = ["../llms.txt"]
html_title = "Tenuto"
html_show_sphinx = False
html_show_copyright = False
# Pages that are read beside the code must not call out.
html_theme_options = {"source_repository": "", "navigation_with_keys": True}
nitpicky = True

# The command's reference has its verbs as headings of one level below their groups.
suppress_warnings = ["myst.header"]
