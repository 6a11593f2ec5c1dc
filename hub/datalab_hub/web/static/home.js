// Start and stop without leaving the page. Without this script the forms work by themselves.
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

for (const form of document.querySelectorAll("form[data-stop]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const row = form.closest(".row");
    const actions = row.querySelector(".actions");
    const state = row.querySelector(".state");
    state.textContent = "stopping";
    state.className = "state stopping";
    form.querySelector("button").disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      if (!answer.ok) throw new Error(`The hub answered ${answer.status}.`);
      location.reload();
    } catch (error) {
      state.textContent = `could not be stopped: ${error.message}`;
      form.querySelector("button").disabled = false;
    }
  });
}
