#!/usr/bin/env bash
# A worker in bash and curl. Performs jobs of the type `greet`: greeting = "Hello, " + name.
#   TENUTO_URL=http://127.0.0.1:8080 TENUTO_TOKEN=tnt_… bash worker.sh
set -euo pipefail

api="$TENUTO_URL/api/v1"
post() { # post PATH BODY
  curl --silent --show-error --fail-with-body --max-time 60 --retry 5 --retry-connrefused \
    -H "Authorization: Bearer $TENUTO_TOKEN" -H 'Content-Type: application/json' -d "$2" "$api/$1"
}
read_json() { python3 -c "import json, sys; job = json.load(sys.stdin); $1"; }

while true; do
  # Wait up to 20 seconds for one job; hold it for a minute.
  answer="$(post jobs/activate '{"types":["greet"],"limit":1,"wait":20,"lease":60,"worker":"bash"}')"
  job="$(read_json 'print(json.dumps(job["jobs"][0]) if job["jobs"] else "")' <<<"$answer")"
  [ -n "$job" ] || continue
  id="$(read_json 'print(job["job"])' <<<"$job")"
  # The same for every attempt: hand it to whatever must not happen twice.
  echo "greets under $(read_json 'print(job["idempotency_key"])' <<<"$job")" >&2
  result="$(read_json 'name = job["variables"].get("name")
if name is None:
    print("fail", json.dumps({"token": job["token"], "message": "expected a name", "retry": False}))
else:
    done = {"greeting": f"Hello, {name}"}
    print("complete", json.dumps({"token": job["token"], "variables": done}))' <<<"$job")"
  # A result under a lease that was lost is refused with stale-lease: another attempt has the job.
  post "jobs/$id/${result%% *}" "${result#* }" || true
done
