// Asking the page's own routes. Relative addresses: Airflow may live under a path.

const UNWELL = "Airflow cannot answer: its database is away, or it is just starting. This page keeps trying, and goes on by itself.";
// Milliseconds: longer than the server gives its own questions.
const PATIENCE = 30_000;

/** The answer as JSON; throws an Error whose message says what to do, with `status` (0: no answer). */
export async function ask(path, { method = "GET", body, patience = PATIENCE } = {}) {
  let answer;
  const signal = AbortSignal.timeout(patience);
  try {
    answer = await fetch(`api/${path}`, {
      method,
      signal,
      credentials: "same-origin",
      headers: { "X-Requested-With": "planhat-segment", ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    });
  } catch (reason) {
    if (reason.name === "TimeoutError") throw trouble(0, `Airflow, or its database, has not answered for ${patience / 1000} seconds. This page keeps trying.`);
    throw trouble(0, "Airflow does not answer. The figures below are the last ones seen; this page keeps trying.");
  }
  if (answer.ok) return answer.json();
  if (answer.status === 401) throw trouble(401, "Your sign-in to Airflow has ended: reload the page, or");
  let detail;
  try {
    detail = (await answer.json()).detail;
  } catch {
    detail = null;
  }
  if (answer.status === 403 && (!detail || detail === "Forbidden")) detail = "Your role in Airflow does not allow this.";
  throw trouble(answer.status, typeof detail === "string" ? detail : answer.status >= 500 ? UNWELL : `Airflow answered with an error (${answer.status}). The api-server's log says more.`);
}

function trouble(status, message) {
  return Object.assign(new Error(message), { status });
}
