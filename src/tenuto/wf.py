"""What a workflow waits for: `from tenuto import wf`."""

from tenuto.workflows.awaitables import *  # noqa: F403  (its names are this module)
from tenuto.workflows.awaitables import __all__ as __all__
from tenuto.workflows.logs import OnceFilter as OnceFilter
from tenuto.workflows.logs import WorkflowLogger as WorkflowLogger
from tenuto.workflows.logs import log as log
from tenuto.workflows.logs import logger as logger

__all__ += ["OnceFilter", "WorkflowLogger", "log", "logger"]
