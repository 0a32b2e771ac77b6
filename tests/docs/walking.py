"""Walking a page as its reader does: its commands in order, in a folder, against real processes.

Comments in a page say what its reader does with the block below them:

- `<!-- do -->`: give the commands and wait for their end; `<!-- do: 1 -->` expects that exit code;
- `<!-- look -->`: the same for commands that only read, and may be given until they show it;
- `<!-- serve -->` (also `<!-- work -->`): give the command in a terminal of its own;
- `<!-- stop -->`: press Ctrl-C in all those terminals;
- `<!-- save: NAME -->`: save the block as a file;
- `<!-- person: KEY NAME=VALUE … -->`: do the open task of an instance on the page;
- `<!-- mend: KEY -->`: resolve the open incident of an instance on the page;
- `<!-- shows -->`: see these lines in what was said last (`…` stands for anything).
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.serving import environment
from tidy.sources import ROOT

SECONDS_MAX = 30.0
MARK = re.compile(
    r"^<!-- (?P<verb>do|look|serve|work|stop|save|person|mend|shows)(?:: (?P<rest>[^\n]*?))? -->\n"
    r"(?:\n?^(?P<fence>```+)[^\n]*\n(?P<code>.*?)^(?P=fence)$)?",
    re.MULTILINE | re.DOTALL,
)
CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')
ONCE = re.compile(r'name="once" value="([^"]+)"')
LOGIN = re.compile(r"(http://\S+)/login\?code=(\S+)")
RESOLVE = re.compile(r'action="(/incidents/[^"]+/resolve)"')


class Step(NamedTuple):
    """One thing that the reader does: `line` is where the page says it."""

    line: int
    verb: str
    rest: str
    code: str


def steps(page: str) -> list[Step]:
    """Return what a page asks its reader to do, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Step(
            text.count("\n", 0, found.start()) + 1,
            found["verb"],
            found["rest"] or "",
            found["code"] or "",
        )
        for found in MARK.finditer(text)
    ]


def is_shown(line: str, said: str) -> bool:
    """Tell whether a line was said, spaces aside; `…` stands for anything within a line."""
    parts = (r"\s+".join(map(re.escape, part.split())) for part in line.split("…"))
    return re.search("[^\n]*".join(parts), said) is not None


class Reader:
    """Somebody at a machine with a few terminals and a browser."""

    def __init__(self, page: str, folder: Path) -> None:
        """Sit down before an empty folder."""
        self.page = page
        self.folder = folder / "work"
        self.folder.mkdir()
        self.state = folder / "state.sh"
        self.said = ""
        self.looked: Step | None = None
        self.login = ""
        self.browser: httpx.Client | None = None
        self.terminals: list[tuple[subprocess.Popen[str], Path]] = []
        self.log = folder / "terminal"
        tools = folder / "bin"
        tools.mkdir()
        self._tool(tools / "tenuto", _free_port())
        self.environment = environment(
            self.folder,
            XDG_CONFIG_HOME=str(folder / "config"),
            PATH=f"{tools}{os.pathsep}{os.environ['PATH']}",
            PYTHONUNBUFFERED="1",
            COLUMNS="200",
        )

    def _tool(self, path: Path, port: int) -> None:
        # The page says nothing of a port; two walks at once must not want the same.
        path.write_text(
            f'#!/bin/bash\nif [ "$1" = serve ]; then set -- "$@" --port {port}; fi\n'
            f'exec {shlex.quote(sys.executable)} -m tenuto "$@"\n'
        )
        path.chmod(0o755)

    def __enter__(self) -> Reader:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing running."""
        for process, _log in self.terminals:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        if self.browser is not None:
            self.browser.close()

    def walk(self) -> None:
        """Do everything that the page says. Raises `AssertionError` with the line that fails."""
        for step in steps(self.page):
            try:
                getattr(self, f"_{step.verb}")(step)
            except (AssertionError, OSError, httpx.HTTPError) as error:
                raise AssertionError(
                    f"{self.page}:{step.line}: {step.verb} {step.rest}: {error}\n"
                    f"{step.code}\nsaid last:\n{self.said}\n{self._terminals_said()}"
                ) from error

    def _terminals_said(self) -> str:
        return "\n".join(log.read_text() for _, log in self.terminals)

    def _script(self, code: str) -> list[str]:
        """Return a shell that goes on where the one before it ended: folder, names, functions."""
        before = f"source {shlex.quote(str(self.state))}\n" if self.state.exists() else ""
        keep = f'{{ echo "cd $(printf %q "$PWD")"; export -p; declare -f; }} > {self.state}'
        return ["bash", "-euo", "pipefail", "-c", f"{before}{code}\n{keep}"]

    def _look(self, step: Step) -> None:
        self._do(step)
        self.looked = step

    def _do(self, step: Step) -> None:
        self.looked = None
        done = subprocess.run(
            self._script(step.code),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
        self.said = done.stdout + done.stderr
        assert done.returncode == int(step.rest or 0), f"exited with {done.returncode}"

    def _begin(self, step: Step, ready: str) -> None:
        log = self.log.with_suffix(f".{len(self.terminals)}")
        with log.open("w") as said:
            process = subprocess.Popen(
                self._script(f"exec {step.code.strip()}"),
                cwd=self.folder,
                env=self.environment,
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.terminals.append((process, log))
        _until(lambda: ready in log.read_text() or process.poll() is not None)
        self.said = log.read_text()
        assert process.poll() is None, "the command ended at once"

    def _serve(self, step: Step) -> None:
        self._begin(step, "Log in")
        found = LOGIN.search(self.said)
        assert found is not None, "no link to log in was printed"
        self.login, code = found.groups()
        if self.browser is not None:
            self.browser.close()
        self.browser = httpx.Client(base_url=self.login, follow_redirects=True)
        assert self.browser.post("/login", data={"code": code, "next": "/"}).status_code == 200

    def _work(self, step: Step) -> None:
        self._begin(step, step.rest)

    def _stop(self, _step: Step) -> None:
        for process, _log in reversed(self.terminals):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=SECONDS_MAX)
        self.terminals.clear()

    def _save(self, step: Step) -> None:
        done = subprocess.run(
            self._script("pwd"),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        (Path(done.stdout.strip()) / step.rest).write_text(step.code, encoding="utf-8")

    def _person(self, step: Step) -> None:
        key, *answers = step.rest.split()
        task = self._open_task(key)
        page = self._post(f"/tasks/{task}", f"/tasks/{task}/claim", {})
        fields = {}
        for number, answer in enumerate(answers):
            name, _, value = answer.partition("=")
            fields |= {f"name.{number}": name, f"value.{number}": value}
        once = ONCE.search(page)
        assert once is not None, "the page of the task has no form to answer"
        fields["once"] = once[1]
        self._post(f"/tasks/{task}", f"/tasks/{task}/complete", fields)

    def _open_task(self, key: str) -> str:
        assert self.browser is not None, "nobody has logged in"
        found: list[str] = []

        def look() -> bool:
            items = self.browser.get("/api/v1/tasks").json()["items"]
            for one in items:
                instance = self.browser.get(f"/api/v1/instances/{one['instance']}").json()
                if instance["business_key"] == key:
                    found.append(one["task"])
            return bool(found)

        assert _until(look), f"no open task of {key}"
        return found[0]

    def _mend(self, step: Step) -> None:
        assert self.browser is not None, "nobody has logged in"
        path = f"/instances/{step.rest}"
        assert _until(lambda: RESOLVE.search(self.browser.get(path).text) is not None), (
            "the page of the instance offers nothing to resolve"
        )
        action = RESOLVE.search(self.browser.get(path).text)
        self._post(path, action[1], {"retries": "1"})

    def _post(self, page: str, action: str, fields: dict[str, str]) -> str:
        """Send a form of a page; return the page that it leads to."""
        token = CSRF.search(self.browser.get(page).text)
        assert token is not None, f"{page} has no form"
        answer = self.browser.post(action, data={"csrf": token[1], **fields})
        assert answer.status_code == 200, f"{action} answered {answer.status_code}: {answer.text}"
        return answer.text

    def _shows(self, step: Step) -> None:
        looked = self.looked

        def look() -> bool:
            if looked is not None and self._unsaid(step):
                self._look(looked)
            return looked is None or not self._unsaid(step)

        _until(look)
        assert not self._unsaid(step), f"was not said: {self._unsaid(step)}"

    def _unsaid(self, step: Step) -> list[str]:
        return [line for line in step.code.splitlines() if not is_shown(line, self.said)]


def _until(holds) -> bool:
    """Ask again until it holds or the patience ends; return whether it did."""
    end = time.monotonic() + SECONDS_MAX
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
