"""Airflow, Camunda 7 and Temporal as small servers on loopback: their routes, their answers, and
the ways in which a network and a busy server fail.
"""

from __future__ import annotations

import json
import re
import threading
from base64 import b64decode, b64encode
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

LOST = "lost"  # the work is done, the answer never arrives
AWAY = "away"  # the connection ends before anything is done


class Server:
    """Routes of another engine; `faults` are used up by the next requests of a method."""

    routes: tuple = ()

    def __init__(self):
        self.requests = []
        self.faults = []
        self.lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                server.answer(self)

            do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815  (http.server's names)

            def log_message(self, *_):
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self):
        """Answer nobody any more."""
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def fail_next(self, method, *faults):
        """Let the next requests of a method fail: `LOST`, `AWAY`, or a status."""
        self.faults += [(method, fault) for fault in faults]

    def _fault_of(self, method):
        for place, (wanted, fault) in enumerate(self.faults):
            if wanted == method:
                del self.faults[place]
                return fault
        return None

    def answer(self, handler):
        """Answer one request."""
        asked = urlsplit(handler.path)
        length = int(handler.headers.get("content-length") or 0)
        raw = handler.rfile.read(length)
        body = json.loads(raw) if raw else None
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        with self.lock:
            self.requests.append((handler.command, unquote(asked.path), body, query))
            self.headers = handler.headers
            fault = self._fault_of(handler.command)
            if fault == AWAY:
                handler.close_connection = True
                return
            if fault is not None and fault != LOST:
                status, headers = fault if isinstance(fault, tuple) else (fault, {})
                self._send(handler, status, {"message": "busy"}, headers)
                return
            status, answer = self._route(handler.command, unquote(asked.path), body, query)
        if fault == LOST:
            handler.close_connection = True
            return
        self._send(handler, status, answer, {})

    def _route(self, method, path, body, query):
        for wanted, pattern, name in self.routes:
            found = re.fullmatch(pattern, path)
            if wanted == method and found:
                return getattr(self, name)(*found.groups(), body=body, query=query)
        return 404, {"detail": f"no route {method} {path}", "message": "Not Found"}

    def _send(self, handler, status, answer, headers):
        data = b"" if answer is None else json.dumps(answer).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def count(self, method, pattern):
        """Return how many requests there were of a method and path."""
        return sum(
            one[0] == method and re.search(pattern, one[1]) is not None for one in self.requests
        )


class Airflow(Server):
    """DAG runs of Airflow 3 (`/api/v2`) and 2 (`/api/v1`)."""

    RUNS = r"/api/(v\d)/dags/([^/]+)/dagRuns"
    routes = (
        ("POST", "/auth/token", "log_in"),
        ("POST", RUNS, "trigger"),
        ("GET", RUNS + "/([^/]+)", "show"),
        ("PATCH", RUNS + "/([^/]+)", "mark"),
        ("GET", RUNS + "/([^/]+)/taskInstances", "tasks"),
        ("GET", RUNS + "/([^/]+)/taskInstances/([^/]+)/xcomEntries/return_value", "xcom"),
    )

    def __init__(self):
        super().__init__()
        self.runs = {}
        self.looks = 3
        self.ends = "success"
        self.wants_token = False

    def log_in(self, body, query):
        return 201, {"access_token": f"token of {body['username']}"}

    def trigger(self, api, dag, body, query):
        if self.wants_token and self.headers["authorization"] != "Bearer token of tenuto":
            return 401, {"detail": "Not authenticated"}
        if dag == "unknown":
            return 404, {"detail": "The Dag with ID: `unknown` was not found"}
        if api == "v2" and "logical_date" not in body:
            return 422, {"detail": "Field required: logical_date"}
        run = body["dag_run_id"]
        if run in self.runs:
            return 409, {"detail": "Unique constraint violation"}
        self.runs[run] = {
            "dag_run_id": run,
            "dag_id": dag,
            "conf": body["conf"],
            "state": "queued",
            "left": self.looks,
        }
        return 200, self.runs[run]

    def show(self, api, dag, run, body, query):
        found = self.runs.get(run)
        if found is None:
            return 404, {"detail": "The DagRun was not found"}
        found["left"] -= 1
        if found["left"] <= 0 and found["state"] in ("queued", "running"):
            found["state"] = self.ends
        return 200, found

    def mark(self, api, dag, run, body, query):
        self.runs[run]["state"] = body["state"]
        return 200, self.runs[run]

    def tasks(self, api, dag, run, body, query):
        assert query["state"] == "failed"
        return 200, {"task_instances": [{"task_id": "load", "state": "failed"}]}

    def xcom(self, api, dag, run, task, body, query):
        return 200, {"key": "return_value", "task_id": task, "value": {"rows": 42}}


class Camunda(Server):
    """The REST API of Camunda 7."""

    routes = (
        ("POST", "/engine-rest/process-definition/key/([^/]+)/start", "start"),
        ("POST", "/engine-rest/process-definition/key/([^/]+)/tenant-id/([^/]+)/start", "tenant"),
        ("GET", "/engine-rest/history/process-instance", "find"),
        ("GET", "/engine-rest/history/process-instance/([^/]+)", "show"),
        ("GET", "/engine-rest/history/variable-instance", "variables"),
        ("GET", "/engine-rest/incident", "incidents"),
        ("DELETE", "/engine-rest/process-instance/([^/]+)", "delete"),
    )

    def __init__(self):
        super().__init__()
        self.instances = {}
        self.looks = 3
        self.ends = "COMPLETED"
        self.stuck = []

    @property
    def at(self):
        return f"{self.url}/engine-rest"

    def start(self, process, body, query, tenant=None):
        if process == "unknown":
            return 404, {
                "type": "RestException",
                "message": "No matching process definition with key: unknown",
            }
        id = f"{len(self.instances) + 1:08}-aaaa"
        self.instances[id] = {
            "id": id,
            "businessKey": body["businessKey"],
            "processDefinitionKey": process,
            "tenantId": tenant,
            "state": "ACTIVE",
            "deleteReason": None,
            "given": body["variables"],
            "left": self.looks,
        }
        return 200, {"id": id, "businessKey": body["businessKey"], "ended": False}

    def tenant(self, process, tenant, body, query):
        return self.start(process, body, query, tenant)

    def find(self, body, query):
        return 200, [
            one
            for one in self.instances.values()
            if one["businessKey"] == query["processInstanceBusinessKey"]
            and one["processDefinitionKey"] == query["processDefinitionKey"]
        ]

    def show(self, id, body, query):
        found = self.instances.get(id)
        if found is None:
            return 404, {"type": "InvalidRequestException", "message": "does not exist"}
        found["left"] -= 1
        if found["left"] <= 0 and found["state"] == "ACTIVE":
            found["state"] = self.ends
        return 200, found

    def variables(self, body, query):
        id = query["processInstanceId"]
        given = self.instances[id]["given"]
        return 200, [
            {
                "name": name,
                **one,
                "valueInfo": {},
                "processInstanceId": id,
                "activityInstanceId": id,
            }
            for name, one in given.items()
        ] + [{"name": "local", "type": "String", "value": "no", "activityInstanceId": "Task:1"}]

    def incidents(self, body, query):
        return 200, self.stuck

    def delete(self, id, body, query):
        found = self.instances.get(id)
        if found is None or found["state"] != "ACTIVE":
            return 404, {"type": "InvalidRequestException", "message": "does not exist"}
        found["state"] = "EXTERNALLY_TERMINATED"
        return 204, None


class Temporal(Server):
    """The HTTP API of a Temporal frontend."""

    AT = "/api/v1/namespaces/([^/]+)/workflows/([^/]+)"
    routes = (
        ("POST", AT, "start"),
        ("GET", AT + "/history", "history"),
        ("POST", AT + "/(cancel|terminate)", "end"),
    )

    def __init__(self):
        super().__init__()
        self.workflows = {}
        self.looks = 3
        self.last = ("COMPLETED", {"result": {"payloads": [payload({"shipped": True})]}})
        self.continues = 0
        self.again = 6

    def start(self, space, id, body, query):
        assert self.headers["content-type"] == "application/json+no-payload-shorthand"
        assert body["workflowIdReusePolicy"] == "WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE"
        found = self.workflows.get(id)
        if found is not None:
            kind = "type.googleapis.com/temporal.api.errordetails.v1"
            return 409, {
                "code": self.again,
                "message": "Workflow execution already finished or running.",
                "details": [
                    {
                        "@type": f"{kind}.WorkflowExecutionAlreadyStartedFailure",
                        "startRequestId": found["request"],
                        "runId": "run-1",
                    }
                ],
            }
        self.workflows[id] = {
            "request": body["requestId"],
            "type": body["workflowType"]["name"],
            "queue": body["taskQueue"]["name"],
            "input": [
                json.loads(b64decode(one["data"])) for one in body["input"].get("payloads", ())
            ],
            "run": 1,
            "left": self.looks,
            "close": None,
        }
        return 200, {"runId": "run-1", "started": True}

    def history(self, space, id, body, query):
        assert query["historyEventFilterType"] == "2"
        found = self.workflows.get(id)
        if found is None:
            return 404, {"code": 5, "message": "workflow not found for ID", "details": []}
        run = int(query["execution.runId"].removeprefix("run-"))
        if run < found["run"]:
            following = {"newExecutionRunId": f"run-{run + 1}"}
            return 200, closed("CONTINUED_AS_NEW", following)
        found["left"] -= 1
        if found["close"] is None and found["left"] <= 0:
            if found["run"] <= self.continues:
                found["run"] += 1
                found["left"] = self.looks
            else:
                found["close"] = self.last
        if found["close"] is None:
            return 200, {"history": {"events": []}}
        return 200, closed(*found["close"])

    def end(self, space, id, how, body, query):
        found = self.workflows.get(id)
        if found is None or found["close"] is not None:
            return 404, {"code": 5, "message": "workflow execution already completed"}
        said = {"cancel": ("CANCELED", {}), "terminate": ("TERMINATED", {"reason": body["reason"]})}
        found["close"] = said[how]
        return 200, {}


def per_instance(ids):
    """Return how many of these ids each instance of a workflow here gave."""
    return Counter(id.split("-")[1] for id in ids)


def payload(value):
    """Return a JSON payload as Temporal keeps it."""
    return {
        "metadata": {"encoding": b64encode(b"json/plain").decode()},
        "data": b64encode(json.dumps(value).encode()).decode(),
    }


def closed(kind, attributes):
    """Return a history that holds the last event alone."""
    words = kind.lower().split("_")
    name = "workflowExecution" + "".join(word.capitalize() for word in words) + "EventAttributes"
    event = {
        "eventId": "7",
        "eventType": f"EVENT_TYPE_WORKFLOW_EXECUTION_{kind}",
        name: attributes,
    }
    return {"history": {"events": [event]}}
