// Shows only the rows that contain what is typed.
const rows = [...document.querySelectorAll("#running tbody tr")];
document.getElementById("filter").addEventListener("input", ({ target }) => {
  const wanted = target.value.trim().toLowerCase();
  for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
});
