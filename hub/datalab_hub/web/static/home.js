// Start and stop without leaving the page. Without this script the forms work by themselves.
const SOON = 2000; // milliseconds; while something is on its way
const LATER = 60_000;
const list = () => document.querySelector("section[aria-labelledby=yours]");

for (const form of document.querySelectorAll("form[data-start]")) {
  form.addEventListener("submit", () => {
    // After the browser has read the form, or the button would not be part of it.
    setTimeout(() => {
      for (const button of document.querySelectorAll("form[data-start] button")) button.disabled = true;
      form.querySelector("button").textContent = "Starting…";
    });
  });
}
// The browser may show this page again out of its memory ("back"): then the buttons work again.
addEventListener("pageshow", (event) => event.persisted && location.reload());

// Shows the workspaces as they are now; what somebody types into a card stays.
async function refresh() {
  const answer = await fetch(location.href);
  if (!answer.ok || answer.redirected) return location.reload(); // signed out, for example
  const now = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("section[aria-labelledby=yours]");
  if (!now || !list()) {
    if (now || list()) location.reload(); // the first one, or the last
    return;
  }
  const here = list().contains(document.activeElement);
  list().replaceWith(now);
  if (here) document.getElementById("yours").focus();
}

let timer;
function watch() {
  clearTimeout(timer);
  const moving = document.querySelector(".state.starting, .state.stopping");
  timer = setTimeout(async () => {
    const untouched = !list()?.contains(document.activeElement);
    // A hub that does not answer is asked again; a hidden tab when it is seen again.
    if (!document.hidden && (moving || untouched)) await refresh().catch(() => {});
    watch();
  }, moving ? SOON : LATER);
}
document.addEventListener("visibilitychange", async () => {
  if (!document.hidden) await refresh().catch(() => {});
  watch();
});
watch();

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-stop]")) return;
  event.preventDefault();
  const row = form.closest(".row");
  const name = row.querySelector("h2").textContent;
  const body = new URLSearchParams(new FormData(form));
  const before = row.innerHTML;
  const state = row.querySelector(".state");
  state.parentElement.replaceChildren(state);
  state.textContent = "stopping";
  state.className = "state stopping";
  row.querySelector(".stops")?.remove();
  row.querySelector(".actions").textContent = "please wait…";
  try {
    const answer = await fetch(form.action, { method: "POST", body });
    if (!answer.ok) throw new Error(`The hub answered ${answer.status}.`);
    await refresh();
    const going = document.querySelector(`.row[data-server="${row.dataset.server}"] .state.stopping`);
    document.getElementById("said").textContent = going ? `${name} is stopping.` : `${name} is stopped.`;
    watch();
  } catch (error) {
    row.innerHTML = before;
    row.querySelector(".state").textContent = `running; it could not be stopped: ${error.message} Try again.`;
  }
});
