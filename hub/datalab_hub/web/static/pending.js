// Shows a start as the hub reports it, and goes to the workspace when it answers.
const section = document.getElementById("progress");
const bar = section.querySelector("progress");
const message = document.getElementById("message");
const log = document.getElementById("log");
const { base, xsrf } = document.body.dataset;
const began = Date.now();
let offset = 0;
let estimate = null;
let done = false;
let leaving = false; // for another card, or home: how this start ends is of no interest any more
const elsewhere = document.getElementById("elsewhere");
const SLOW = 10; // seconds after which the other cards are shown, where that is not usual

const seconds = (value) => (value < 10 ? `${value.toFixed(1)} s` : value < 90 ? `${Math.round(value)} s` : `${Math.round(value / 60)} min`);

setInterval(() => {
  if (done) return;
  const elapsed = offset + (Date.now() - began) / 1000;
  document.getElementById("elapsed").textContent = `${seconds(elapsed)} so far`;
  document.getElementById("estimate").textContent = !estimate ? ""
    : elapsed < estimate * 1.5 ? `· usually ${seconds(estimate)}` : `· longer than the usual ${seconds(estimate)}`;
  if (elsewhere && elapsed > Math.max(SLOW, 1.5 * (estimate ?? 0))) elsewhere.hidden = false;
}, 250);

function show(event) {
  if (event.progress !== undefined) bar.value = event.progress;
  const text = event.message;
  if (text && text !== message.textContent) {
    message.textContent = text;
    const line = document.createElement("li");
    line.textContent = text;
    log.append(line);
  }
  if (event.datalab) {
    estimate = event.datalab.estimate;
    offset = event.datalab.elapsed - (Date.now() - began) / 1000;
  }
}

function fail(text) {
  if (leaving) return;
  done = true;
  section.querySelector("h1").textContent = "Your workspace did not start";
  document.getElementById("times").hidden = true;
  const problem = document.getElementById("problem");
  problem.textContent = text.replace(/^Spawn failed: /, "");
  problem.hidden = false;
  message.hidden = true;
  bar.hidden = true;
  document.getElementById("cancel").hidden = true;
  document.getElementById("again").hidden = false;
  if (elsewhere) {
    elsewhere.hidden = false;
    elsewhere.querySelector("h2").textContent = "Or start it on another card";
  }
}

document.addEventListener("submit", ({ target, submitter }) => {
  leaving = true;
  // After the browser has read the form, or its button would not be part of it.
  setTimeout(() => {
    for (const button of section.querySelectorAll("button")) button.disabled = true;
    if (target.matches("[data-move]")) submitter.textContent = "Starting…";
    else if (target.id === "cancel") submitter.textContent = "Cancelling…";
  });
});
// The browser may show this page again out of its memory ("back").
addEventListener("pageshow", (event) => event.persisted && location.reload());

// Where the person wanted to go: what JupyterHub hands on as `next`, if that is in this workspace.
function destination() {
  const home = new URL(section.dataset.home, location.href);
  const next = new URLSearchParams(location.search).get("next") ?? "";
  if (next.startsWith(base)) {
    const wanted = new URL(base.replace(/hub\/$/, "") + next.slice(base.length), home);
    wanted.searchParams.delete("redirects"); // JupyterHub's count of this page's detours
    if (wanted.origin === home.origin && wanted.pathname.startsWith(home.pathname)) return wanted;
  }
  return new URL("lab", home);
}

// After a restart of the hub there is no pending start to report on, though the workspace may be
// on its way: then ask how it stands until that is clear.
async function ask() {
  const answer = await fetch(`${base}api/users/${encodeURIComponent(section.dataset.user)}?include_stopped_servers=1`, { headers: { "X-XSRFToken": xsrf } });
  const server = answer.ok ? (await answer.json()).servers?.[section.dataset.server] : undefined;
  if (leaving) return;
  if (server?.ready) location.assign(destination());
  else if (answer.ok && (!server || (!server.pending && server.stopped))) fail("The start was interrupted. Start it again.");
  else setTimeout(ask, 1000);
}

const events = new EventSource(section.dataset.events);
events.onmessage = ({ data }) => {
  const event = JSON.parse(data);
  if (event.failed) {
    events.close();
    fail(event.message);
    return;
  }
  show(event);
  if (event.ready && !leaving) {
    done = true;
    events.close();
    location.assign(destination());
  }
};
events.onerror = () => {
  events.close();
  if (!done) ask();
};
