// Asking the page's own routes. Relative addresses: Airflow may live under a path.

/** The answer as JSON; throws an Error whose message says what to do, with `status` (0: no answer). */
export async function ask(path, { method = "GET", body } = {}) {
  let answer;
  try {
    answer = await fetch(`api/${path}`, {
      method,
      credentials: "same-origin",
      headers: { "X-Requested-With": "planhat-segment", ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    });
  } catch {
    throw trouble(0, "Airflow does not answer. The figures below are the last ones seen; this page keeps trying.");
  }
  if (answer.ok) return answer.json();
  if (answer.status === 401) throw trouble(401, "Your sign-in to Airflow has ended. Reload the page to sign in again.");
  let detail;
  try {
    detail = (await answer.json()).detail;
  } catch {
    detail = null;
  }
  if (answer.status === 403 && (!detail || detail === "Forbidden")) detail = "Your role in Airflow does not allow this.";
  throw trouble(answer.status, typeof detail === "string" ? detail : `Airflow answered with an error (${answer.status}). The api-server's log says more.`);
}

function trouble(status, message) {
  return Object.assign(new Error(message), { status });
}
