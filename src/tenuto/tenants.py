"""Tenants: a database each, in a folder, with an engine, a journal, tokens and keys of its own.

What two tenants share is the process and its address. Nothing that is stored, asked or shown goes
from one to another, for no query could name both: there is no column of tenants to forget.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from tenuto.api.problems import Problem
from tenuto.api.server import is_loopback, listen, make_server
from tenuto.api.tenants import NAME, Tenants
from tenuto.assembly import (
    Address,
    Opening,
    Running,
    application,
    check_guarded,
    host_names,
    open_store,
    opened,
    serve_until_told,
    told,
    url_of,
)
from tenuto.client.prune import Retention, prune_steadily
from tenuto.errors import InputError, TenutoError

if TYPE_CHECKING:
    import socket

    from tenuto.api.app import App
    from tenuto.api.service import Service

log = structlog.get_logger("tenuto.tenants")

DATABASE: Final = "tenuto.db"
SUSPENDED: Final = "suspended"
LOOK_SECONDS: Final = 0.5


class Folder:
    """The tenants in a folder, whether they are served or not."""

    def __init__(self, path: str | Path) -> None:
        """Look into `path`, which need not exist."""
        self.path = Path(path)

    def names(self) -> list[str]:
        """Return the tenants, suspended ones too."""
        found = self.path.iterdir() if self.path.is_dir() else ()
        return sorted(
            one.name for one in found if NAME.fullmatch(one.name) and (one / DATABASE).is_file()
        )

    def database(self, name: str) -> Path:
        """Return the database of a tenant. Raises `InputError` when there is no such tenant."""
        path = self._place(name) / DATABASE
        if not path.is_file():
            known = ", ".join(self.names()[:10]) or "none"
            raise InputError(
                f"expected a tenant in {self.path}, got `{name}`: there is {known}; make it with "
                f"`tenuto tenants create {name}`"
            )
        return path

    def create(self, name: str) -> Path:
        """Make a tenant; return its database. Raises `InputError` for a name that is taken."""
        place = self._place(name)
        if place.exists():
            raise InputError(f"expected a new tenant, got `{name}`, which {place} has already")
        begun = place.with_name(f".{name}")
        shutil.rmtree(begun, ignore_errors=True)
        begun.mkdir(mode=0o700, parents=True)
        open_store(begun / DATABASE).close()
        begun.rename(place)
        return place / DATABASE

    def is_suspended(self, name: str) -> bool:
        """Tell whether nobody may reach a tenant."""
        return (self._place(name) / SUSPENDED).exists()

    def suspend(self, name: str) -> None:
        """Let a server end the engine of a tenant and answer none of its requests."""
        self.database(name).with_name(SUSPENDED).touch()

    def resume(self, name: str) -> None:
        """Let a server serve a tenant again."""
        self.database(name).with_name(SUSPENDED).unlink(missing_ok=True)

    def _place(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise InputError(
                "expected the name of a tenant to be 1 to 63 small letters, digits and dashes, as "
                f"in a host name, got {name[:100]!r}"
            )
        return self.path / name


class Served(NamedTuple):
    """A tenant at work."""

    running: Running
    service: Service
    app: App
    login_link: str
    stack: contextlib.ExitStack


class Plan(NamedTuple):
    """What each tenant gets: models that are deployed, and how long what has ended is kept."""

    models: tuple[str, ...] = ()
    retention: Retention | None = None


NOTHING_MORE: Final = Plan()


class House:
    """The tenants of a folder behind one address."""

    def __init__(
        self, folder: Folder, address: Address, opening: Opening, plan: Plan, bound: socket.socket
    ) -> None:
        """Serve nobody before `look`."""
        self.folder = folder
        self.doors = Tenants(host_names(address), self._keep)
        self.server = make_server(self.doors)
        self.url = url_of(address, bound)
        self.served: dict[str, Served] = {}
        self._address = address
        self._opening = opening
        self._plan = plan
        self._socket = bound
        self._failed: dict[str, str] = {}

    def run(self) -> None:
        """Answer requests until SIGINT, SIGTERM or `server.should_exit`."""
        serve_until_told(self.server, self._socket)

    def look(self) -> None:
        """Open the tenants that are to be served and are not; one that cannot be hinders none."""
        for name in self._missing():
            self._admit(name, self._begin(name))

    def close(self) -> None:
        """End all of them in order."""
        while self.served:
            _, one = self.served.popitem()
            one.stack.close()

    def _missing(self) -> list[str]:
        found = []
        for name in self.folder.names():
            if self.folder.is_suspended(name):
                self.doors.refuse(name, _suspended(name))
            elif name not in self.served:
                found.append(name)
        return found

    async def _keep(self) -> None:
        """Serve who came since, and those no more who went."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            known = set(self.folder.names())
            for name in list(self.served):
                if name not in known or self.folder.is_suspended(name):
                    reason = _suspended(name) if name in known else None
                    await self.doors.dismiss(name, reason)
                    await asyncio.to_thread(self.served.pop(name).stack.close)
            for name in self._missing():
                # It recovers a database: the loop answers others meanwhile.
                self._admit(name, await asyncio.to_thread(self._begin, name))

    def _begin(self, name: str) -> Served | None:
        """Open a tenant; nothing when it cannot be opened now."""
        try:
            with contextlib.ExitStack() as stack:
                database = self.folder.database(name)
                at, service = stack.enter_context(opened(database, self._opening))
                check_guarded(self._address, at.node)
                if self._plan.models:
                    asyncio.run(at.client.deploy(*self._plan.models))
                url = f"{self.url}/t/{name}"
                stack.enter_context(told(database, url, service.local_token()))
                app = application(service, self.doors.names_of(name))
                code = service.links.issue(at.node.now())
                link = f"{self._page(name)}/login?code={code}"
                return Served(at, service, app, link, stack.pop_all())
        except (TenutoError, OSError) as error:
            if self._failed.get(name) != str(error):
                log.error("tenant is not served", tenant=name, reason=str(error))
            self._failed[name] = str(error)
            return None

    def _admit(self, name: str, one: Served | None) -> None:
        if one is None:
            self.doors.refuse(name, _unavailable(name))
            return
        self._failed.pop(name, None)
        if self._plan.retention is not None:
            look = one.service.reading
            kept = functools.partial(prune_steadily, one.running.node, look, self._plan.retention)
            one.app.background.append(kept)
        self.served[name] = one
        self.doors.admit(name, one.app)

    def _page(self, name: str) -> str:
        """Return the URL of a tenant's page."""
        port = self.url.rpartition(":")[2]
        host = "localhost" if is_loopback(self._address.host) else self._address.host
        return f"http://{name}.{next(iter(self._address.names), host)}:{port}"


@contextlib.contextmanager
def housing(
    folder: Folder, address: Address, opening: Opening, plan: Plan = NOTHING_MORE
) -> Iterator[House]:
    """Listen for the tenants of a folder; `House.look` opens them, the end closes all.

    Raises `InputError` for an address that cannot be listened on.
    """
    with contextlib.ExitStack() as stack:
        bound = stack.enter_context(contextlib.closing(listen(address.host, address.port)))
        house = House(folder, address, opening, plan, bound)
        stack.enter_context(contextlib.closing(house))
        yield house


def _suspended(name: str) -> Problem:
    return Problem(
        "tenant-suspended",
        f"expected a tenant that is served, but `{name}` is suspended; its operator ends that with "
        f"`tenuto tenants resume {name}`",
    )


def _unavailable(name: str) -> Problem:
    return Problem(
        "tenant-unavailable",
        f"expected the database of `{name}` to open, but it did not; the log of the server says "
        "why",
    )
