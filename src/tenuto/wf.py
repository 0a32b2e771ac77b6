"""What a workflow waits for: `from tenuto import wf`."""

from tenuto.workflows.awaitables import *  # noqa: F403  (its names are this module)
from tenuto.workflows.awaitables import __all__ as __all__
