"""The command `tenuto`: verbs in files of their own, loaded when they are called.

Only click and the names of the verbs are imported here, so that `tenuto --help` answers at once.
"""

from __future__ import annotations

from tenuto.cli.shell import Shell

# Verb -> (module:command, what `tenuto --help` says of it). The order is that of the help page.
VERBS: dict[str, tuple[str, str]] = {
    "run": (
        "tenuto.cli.run:run",
        "Start one instance per record of a file, work the jobs, report.",
    ),
    "new": ("tenuto.cli.new:new", "Write a project that runs and passes its tests."),
    "serve": ("tenuto.cli.serve:serve", "Serve the API and the page, and work jobs."),
    "worker": ("tenuto.cli.worker:worker", "Perform the jobs of a server in another process."),
    "login": ("tenuto.cli.login:login", "Print a new link that lets one browser in."),
    "token": ("tenuto.cli.token:token", "Make, list and revoke tokens of the API."),
    "tenants": ("tenuto.cli.tenants:tenants", "Keep apart who shares a server."),
    "deploy": ("tenuto.cli.deploy:deploy", "Deploy BPMN and DMN models."),
    "start": ("tenuto.cli.start:start", "Start one instance of a process."),
    "update": ("tenuto.cli.update:update", "Ask a workflow for something."),
    "stream": ("tenuto.cli.update:stream", "Print what a workflow writes to a stream."),
    "queue": ("tenuto.cli.queue:queue", "Look at queues, change what they allow, pause them."),
    "schedule": ("tenuto.cli.schedule:schedule", "Start a process again and again, by a plan."),
    "ps": ("tenuto.cli.ps:ps", "Show what runs, what waits, and for whom."),
    "show": ("tenuto.cli.show:show", "Show one instance: path, variables, decisions."),
    "tasks": ("tenuto.cli.tasks:tasks", "List, claim and release user tasks."),
    "complete": ("tenuto.cli.complete:complete", "Complete a user task or a job."),
    "message": ("tenuto.cli.message:message", "Publish a message."),
    "signal": ("tenuto.cli.signal:signal", "Broadcast a signal."),
    "decide": ("tenuto.cli.decide:decide", "Evaluate a decision of a DMN file."),
    "test": ("tenuto.cli.test:test", "Run scenarios of processes and tests of decisions."),
    "whatif": ("tenuto.cli.whatif:whatif", "Decide the past again with a changed model."),
    "incidents": ("tenuto.cli.incidents:incidents", "List and resolve incidents."),
    "cancel": ("tenuto.cli.cancel:cancel", "End an instance, or all that match."),
    "pause": ("tenuto.cli.pause:pause", "Let an instance stand still."),
    "resume": ("tenuto.cli.pause:resume", "Let a paused instance go on."),
    "retry": ("tenuto.cli.retry:retry", "Try again what is stuck."),
    "send": ("tenuto.cli.send:send", "Send a message to one instance of a workflow."),
    "fork": ("tenuto.cli.fork:fork", "Run a workflow again from one of its steps."),
    "prune": ("tenuto.cli.prune:prune", "Delete instances that ended long ago."),
    "lint": ("tenuto.cli.lint:lint", "Check models without deploying them."),
    "verify": ("tenuto.cli.verify:verify", "Refold the journal and compare it with the rows."),
    "audit": ("tenuto.cli.audit:audit", "Check the chain of hashes; write and use witnesses."),
    "encryption": ("tenuto.cli.encryption:encryption", "Make keys; copy a database under one."),
    "doctor": ("tenuto.cli.doctor:doctor", "Look at this machine and at a database."),
    "example": ("tenuto.cli.example:example", "Show what an example is, or prove what it says."),
    "bench": ("tenuto.cli.bench:bench", "Measure how fast this machine commits."),
}

main = Shell(
    "tenuto",
    VERBS,
    """Durable process orchestration: BPMN, DMN and Python on one engine and one journal.

    Nothing leaves this machine. What is read goes to standard output, what is said about the work
    to standard error; `-o json` and `-o ndjson` give the same facts to programs.

    \b
    Exit codes:
      0    done
      1    refused, or the work failed (open incidents after a run count)
      2    the command line or the input cannot be used
      3    the database is busy or failed
      4    a verification failed
      70   a bug of Tenuto
      130  interrupted
    """,
)

__all__ = ["VERBS", "main"]
