// A worker in TypeScript, without packages. Performs jobs of the type `greet`.
//   TENUTO_URL=http://127.0.0.1:8080 TENUTO_TOKEN=tnt_… node worker.js
type Job = { job: string; token: string; idempotency_key: string; variables: Record<string, unknown> };
type Result = { job: string; token: string; outcome: "complete" | "fail"; [more: string]: unknown };

declare const process: { env: Record<string, string>; on(signal: string, act: () => void): void };

const { TENUTO_URL, TENUTO_TOKEN } = process.env;
let working = true;
process.on("SIGTERM", () => (working = false));

async function post(path: string, body: unknown): Promise<any> {
  for (let pause = 100; ; pause = Math.min(pause * 2, 10_000)) {
    try {
      const answer = await fetch(`${TENUTO_URL}/api/v1/${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${TENUTO_TOKEN}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      if (answer.ok) return await answer.json();
      if (answer.status !== 429 && answer.status !== 503) throw new Error(await answer.text());
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // a TypeError is a lost connection
    }
    await new Promise((done) => setTimeout(done, pause));
  }
}

function perform({ job, token, variables }: Job): Result {
  if (typeof variables.name !== "string")
    return { job, token, outcome: "fail", message: "expected a name", retry: false };
  return { job, token, outcome: "complete", variables: { greeting: `Hello, ${variables.name}` } };
}

while (working) {
  const { jobs } = await post("jobs/activate", { types: ["greet"], limit: 100, wait: 20, lease: 60 });
  if (jobs.length) await post("jobs/results", { results: jobs.map(perform) });
}
export {};
