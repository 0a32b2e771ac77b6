"""Scenarios written in YAML: what is given, what happens, what holds then; and what was passed.

    given:
      models: [refund.bpmn]
      process: refund
      handlers:
        pay: {receipt: R-1}
    scenarios:
      - name: a small refund is paid at once
        given: {variables: {amount: 40}}
        then: {status: completed, variables: {receipt: R-1}}

`run_files` runs such files on `tenuto.testing.Scenario`: the real engine, a store in memory, a
virtual clock. `tenuto test` is its command.
"""

from tenuto.testing.written.report import Report
from tenuto.testing.written.run import is_written, run_files

__all__ = ["Report", "is_written", "run_files"]
