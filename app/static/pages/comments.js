// Keys of the page of comments: e marks the comment as handled, j and k open the next and previous.
const isWriting = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

document.addEventListener("keydown", (event) => {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  if (!isPlain || isWriting(event.target) || document.querySelector("dialog[open]")) return;
  const target = document.querySelector(`[data-comment-key="${CSS.escape(event.key)}"]`);
  if (target) {
    event.preventDefault();
    target.click();
  }
});
