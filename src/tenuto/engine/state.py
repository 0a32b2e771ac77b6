"""The state of an instance: the fold of its records. Only `engine.appliers` writes it.

Everything here is encoded as the snapshot of the instance row, so it holds no objects but numbers,
text, bytes and containers of them. Elements are named by their model id; numbers name element
instances, waits and incidents of this instance and come from one counter.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from tenuto.engine.lifecycle import InstanceStatus, Status
from tenuto.engine.stored import Stored, Variables

ROOT = 0


class Loop(Struct, array_like=True):
    """Progress of a multi-instance body: `begun` and `done` count items; outputs by item index."""

    total: int
    items: Stored | None
    begun: int = 0
    done: int = 0
    outputs: dict[int, Stored] = field(default_factory=dict)


ASKED, ACCEPTED, REFUSED, DONE = "asked", "accepted", "refused", "done"


class Update(Struct, array_like=True):
    """What somebody asked a coroutine for; `value` is what was asked, and then the answer."""

    name: str
    status: str
    value: Stored | None
    error: Stored | None = None


class Routine(Struct, array_like=True):
    """Progress of a coroutine: of `ordered` outcomes it has consumed `seen`.

    - `steps`: open steps that run in the process of the coroutine, by key, with their attempt.
    - `delayed`: failed steps that wait for their next attempt, by key.
    - `children`: element instances that stand for an await, and its key.
    - `advances`: how often its worker has said how it goes on.
    - `updates`: what it was asked for in this run, by id; `streams`: how many values it wrote.
    - `began_at`: when the coroutine began (Unix milliseconds), in the turn `since`.
    """

    seen: int = 0
    ordered: int = 0
    steps: dict[str, int] = field(default_factory=dict)
    delayed: dict[str, int] = field(default_factory=dict)
    children: dict[int, str] = field(default_factory=dict)
    is_canceled: bool = False
    began_at: int = 0
    since: int = 0
    advances: int = 0
    updates: dict[str, Update] = field(default_factory=dict)
    streams: dict[str, int] = field(default_factory=dict)


class Place(Struct, array_like=True):
    """Where a step of a routine stands: the key of its queue, and whether that lets it run."""

    queue: int
    name: str
    routine: int
    is_admitted: bool = False


class Element(Struct, array_like=True):
    """A live element instance. `alive` counts what lives inside it: child elements and tokens."""

    id: str
    scope: int
    status: Status = Status.ACTIVE
    item: int | None = None
    count: int = 0
    alive: int = 0
    variables: Variables = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    waits: list[int] = field(default_factory=list)
    incident: int | None = None
    loop: Loop | None = None
    then: str | None = None
    routine: Routine | None = None


class Job(Struct, array_like=True):
    """A job of an element; who holds it is operational and not here."""

    type: str
    retries: int
    key: str
    created_at: int
    retry_at: int | None = None
    headers: tuple[tuple[str, str], ...] = ()


class UserTask(Struct, array_like=True):
    """A user task of an element."""

    name: str
    assignee: str | None
    candidate_groups: tuple[str, ...]
    candidate_users: tuple[str, ...]
    due_at: int | None
    follow_up_at: int | None
    priority: int
    form: str | None
    created_at: int


class TimerWait(Struct, array_like=True, tag="t"):
    """A timer; `repeats` firings are left after the next one, -1 without end."""

    owner: int
    node: str
    due_at: int
    repeats: int
    cycle: str


class MessageWait(Struct, array_like=True, tag="m"):
    """A subscription in a mailbox; it waits once the mailbox has confirmed it."""

    owner: int
    node: str
    mailbox: int
    name: str
    correlation_key: str
    confirmed: bool = False


class SignalWait(Struct, array_like=True, tag="s"):
    """A subscription to broadcasts."""

    owner: int
    node: str
    name: str
    opened_at: int


Wait = TimerWait | MessageWait | SignalWait


class Incident(Struct, array_like=True):
    """Where the instance is stuck; `phase` is what a retry repeats."""

    element: int
    element_id: str
    code: str
    message: str
    phase: str
    created_at: int


class Pause(Struct, array_like=True):
    """Since when and why an instance stands still.

    `held` are commands that came meanwhile, `timers` the waits of those that are timers, `touched`
    scopes that may have ended.
    """

    at: int
    reason: str
    held: list[bytes] = field(default_factory=list)
    timers: list[int] = field(default_factory=list)
    touched: list[int] = field(default_factory=list)


class InstanceState(Struct, array_like=True):
    """A process instance. `agenda` holds tokens that still move: (scope number, place). `places`
    are those in queues, by the key of the step; "" is the workflow itself. `when_left` has what
    becomes of called instances that are not asked to end when nobody waits for them.
    """

    key: int
    process: str = ""
    definition: int = 0
    version: int = 0
    status: InstanceStatus = InstanceStatus.ACTIVE
    business_key: str | None = None
    parent: int | None = None
    parent_element: int | None = None
    mailbox: int | None = None
    started_at: int = 0
    ended_at: int | None = None
    last_at: int = 0
    next_number: int = 1
    elements: dict[int, Element] = field(default_factory=dict)
    agenda: list[tuple[int, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    jobs: dict[int, Job] = field(default_factory=dict)
    user_tasks: dict[int, UserTask] = field(default_factory=dict)
    waits: dict[int, Wait] = field(default_factory=dict)
    calls: dict[int, int] = field(default_factory=dict)
    incidents: dict[int, Incident] = field(default_factory=dict)
    joining: dict[int, int] = field(default_factory=dict)
    message_name: str = ""
    message_key: str = ""
    schedule: int | None = None
    pause: Pause | None = None
    places: dict[str, Place] = field(default_factory=dict)
    when_left: dict[int, str] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Tell whether the instance still runs."""
        return self.status is InstanceStatus.ACTIVE


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(InstanceState)

encode_state = _encoder.encode
decode_state = _decoder.decode
