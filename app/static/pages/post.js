// The page of a post: copy buttons, and calls that stay open when the page is brought up to date.
const opened = new Set();
const announcer = document.getElementById("announcer");

const enhance = (root) => {
  for (const button of root.querySelectorAll("[data-copy-text]")) button.hidden = !navigator.clipboard;
  for (const details of root.querySelectorAll("details[data-key]")) if (opened.has(details.dataset.key)) details.open = true;
};

document.addEventListener("toggle", ({ target }) => {
  if (!target.dataset?.key) return;
  if (target.open) opened.add(target.dataset.key);
  else if (target.isConnected) opened.delete(target.dataset.key);
}, true);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy-text]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copyText);
  announcer.textContent = button.dataset.copied;
});

document.addEventListener("content-replaced", (event) => enhance(event.target));
enhance(document);
