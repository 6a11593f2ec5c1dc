// Makes and revokes tokens through JupyterHub's API.
const { base, xsrf } = document.body.dataset;
const form = document.getElementById("new-token");
const made = document.getElementById("made");
const problem = document.getElementById("problem");
const tokens = `${base}api/users/${encodeURIComponent(form.dataset.user)}/tokens`;

for (const time of document.querySelectorAll("time")) {
  time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

async function ask(url, options) {
  problem.hidden = true;
  try {
    const answer = await fetch(url, { ...options, headers: { "X-XSRFToken": xsrf, "Content-Type": "application/json" } });
    if (answer.ok) return answer;
    const { message } = await answer.json().catch(() => ({}));
    problem.textContent = message || `The hub answered ${answer.status}. Load this page again, then try once more.`;
  } catch {
    problem.textContent = "The hub does not answer. Try again in a minute.";
  }
  problem.hidden = false;
  return null;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { note, expires, scopes } = Object.fromEntries(new FormData(form));
  const wanted = scopes.split(/[\s,]+/).filter(Boolean);
  const body = { note, expires_in: Number(expires) || null, ...(wanted.length ? { scopes: wanted } : {}) };
  const answer = await ask(tokens, { method: "POST", body: JSON.stringify(body) });
  if (!answer) return;
  document.getElementById("token").textContent = (await answer.json()).token;
  document.getElementById("copy").textContent = "Copy";
  made.hidden = false;
});

document.getElementById("copy").addEventListener("click", async ({ target }) => {
  const code = document.getElementById("token");
  getSelection().selectAllChildren(code); // for pages that may not write to the clipboard
  try {
    await navigator.clipboard.writeText(code.textContent);
    target.textContent = "Copied";
  } catch {
    target.textContent = "Selected: press Ctrl+C";
  }
});

for (const button of document.querySelectorAll("[data-revoke]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    const row = button.closest("tr");
    const answer = await ask(`${tokens}/${row.dataset.token}`, { method: "DELETE" });
    button.disabled = false;
    if (!answer) return;
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    (next?.querySelector("button") ?? form.elements.note).focus();
  });
}
