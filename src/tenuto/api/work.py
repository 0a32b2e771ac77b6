"""What workers outside send and get: jobs with their leases, results, heartbeats."""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from tenuto.client.routine_wire import RoutineProgress

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Text = Annotated[str, Meta(max_length=10_000)]
JobText = Annotated[str, Meta(max_length=64)]
Token = Annotated[str, Meta(max_length=128)]
LeaseSeconds = Annotated[float, Meta(ge=1, le=86_400)]
WaitSeconds = Annotated[float, Meta(ge=0, le=60)]
RetrySeconds = Annotated[float, Meta(ge=0, le=31_536_000)]

RESULTS_MAX: Final = 1_000


class Activate(Struct, forbid_unknown_fields=True):
    """Lease at most `limit` jobs of `types`, and wait for the first one at most `wait` seconds.

    It waits `gather` seconds more for others. A lease lasts `lease` seconds. `worker` names who
    asks, so that it can end its questions before it gives back its jobs (`POST /jobs/release`).
    """

    types: Annotated[list[Name], Meta(min_length=1, max_length=100)]
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 1
    wait: WaitSeconds = 0.0
    lease: LeaseSeconds = 300.0
    worker: Annotated[str, Meta(max_length=255)] = ""
    gather: Annotated[float, Meta(ge=0, le=1)] = 0.0


class LeasedJob(Struct):
    """A job with its lease. Results go back with `token`.

    `idempotency_key` is the same for every attempt. `details` is what the attempt before said of
    its progress. A routine of a workflow has `routine`, and its variables are in there.
    """

    job: str
    token: str
    type: str
    process: str
    element: str
    instance: str
    business_key: str | None
    idempotency_key: str
    headers: dict[str, str]
    attempt: int
    retries: int
    deadline: str | None
    variables: dict[str, Any]
    details: Any = None
    routine: RoutineProgress | UnsetType = UNSET


class LeasedJobs(Struct):
    """The jobs that were leased; none when none came in time."""

    jobs: list[LeasedJob]


class Complete(Struct, forbid_unknown_fields=True, kw_only=True):
    """The job is done; its variables go to the instance.

    Without a token it is completed by hand, which asks for the permission `instances.change`.
    """

    token: Token | None = None
    variables: dict[str, Any] = {}


class Fail(Struct, forbid_unknown_fields=True, kw_only=True):
    """The attempt failed. With `retry` false no attempt follows; `retry_after` overrides the
    back-off, in seconds.
    """

    token: Token | None = None
    message: Text = ""
    retry: bool = True
    retry_after: RetrySeconds | None = None


class Throw(Struct, forbid_unknown_fields=True, kw_only=True):
    """The job throws a BPMN error, to be caught by the model."""

    token: Token | None = None
    code: Name
    message: Text = ""
    variables: dict[str, Any] = {}


class Extend(Struct, forbid_unknown_fields=True, kw_only=True):
    """The lease lasts at least `lease` seconds from now; the next attempt gets `details`."""

    token: Token
    lease: LeaseSeconds = 300.0
    details: Any = None


class CompleteOne(Complete, kw_only=True, tag_field="outcome", tag="complete"):
    """One of many results: the job is done."""

    job: JobText


class FailOne(Fail, kw_only=True, tag_field="outcome", tag="fail"):
    """One of many results: the attempt failed."""

    job: JobText


class ThrowOne(Throw, kw_only=True, tag_field="outcome", tag="throw"):
    """One of many results: the job throws a BPMN error."""

    job: JobText


Outcome = Complete | Fail | Throw
OneOutcome = CompleteOne | FailOne | ThrowOne


class Results(Struct, forbid_unknown_fields=True):
    """Results of many jobs, and the question for more."""

    results: Annotated[list[OneOutcome], Meta(max_length=RESULTS_MAX)]
    activate: Activate | None = None


class Taken(Struct, omit_defaults=True):
    """What became of one result: `accepted`, or the code of the problem with its detail."""

    job: str
    status: str
    detail: str = ""


class ResultsTaken(Struct, omit_defaults=True):
    """What became of each result, in order, and the jobs that were asked for."""

    results: list[Taken]
    jobs: list[LeasedJob] | None = None


class ExtendOne(Extend, kw_only=True):
    """One of many heartbeats."""

    job: JobText


class Beats(Struct, forbid_unknown_fields=True):
    """Heartbeats of many jobs."""

    beats: Annotated[list[ExtendOne], Meta(max_length=RESULTS_MAX)]


class HeldLease(Struct):
    """Whether a lease is still held."""

    job: str
    held: bool


class HeldLeases(Struct):
    """For each lease whether it is (for a release: was) held, in order."""

    results: list[HeldLease]


class Lease(Struct, forbid_unknown_fields=True):
    """A job and the token that holds it."""

    job: JobText
    token: Token


class Release(Struct, forbid_unknown_fields=True):
    """Leases that are given back: somebody else gets the jobs at once.

    The questions for jobs of `worker` that still wait are answered with none.
    """

    leases: Annotated[list[Lease], Meta(max_length=RESULTS_MAX)] = []
    worker: Annotated[str, Meta(max_length=255)] = ""
