// Takes the one-time code from the fragment, which no server and no log has seen, and posts it.
const form = document.getElementById("signin");
const code = location.hash.slice(1);
history.replaceState(null, "", location.pathname + location.search);
if (code) {
  form.elements.code.value = code;
  form.submit();
} else {
  document.getElementById("nothing").hidden = false;
}
