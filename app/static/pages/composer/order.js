import { arrange, cards, list, mediaTypes } from "./file_list.js";
import { announce, message } from "./form.js";

// Puts the files of a list in order, by buttons, keys and dragging.

const moveCard = (card, step) => {
  const neighbour = step < 0 ? card.previousElementSibling : card.nextElementSibling;
  if (!neighbour) return;
  if (step < 0) neighbour.before(card); else neighbour.after(card);
  arrange();
  const key = mediaTypes().every((type) => type === "image") ? "movedPicture" : "moved";
  announce(message(key, { number: cards().indexOf(card) + 1, count: cards().length }));
};

list.addEventListener("click", (event) => {
  const button = event.target.closest("[data-move]");
  const card = event.target.closest("[data-file]");
  if (!button || !card) return;
  moveCard(card, Number(button.dataset.move));
  (button.disabled ? card.querySelector("[data-move]:not(:disabled)") : button).focus();
});

list.addEventListener("keydown", (event) => {
  const step = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
  const card = event.target.closest("[data-file]");
  if (!event.altKey || !step || !card) return;
  event.preventDefault();
  const focused = document.activeElement;
  moveCard(card, step);
  (focused.disabled ? card.querySelector("[data-remove]") : focused).focus();
});

// Dragging: the handle is the picture of the card.
let dragged = null;
list.addEventListener("pointerdown", (event) => {
  const handle = event.target.closest(".thumb");
  if (!handle || cards().length < 2) return;
  dragged = handle.closest("[data-file]");
  dragged.classList.add("dragged");
  list.setPointerCapture(event.pointerId);
  event.preventDefault();
});
list.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  const over = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-file]");
  if (!over || over === dragged || over.parentElement !== list) return;
  const { top, height } = over.getBoundingClientRect();
  if (event.clientY < top + height / 2) over.before(dragged); else over.after(dragged);
});
const drop = () => {
  if (!dragged) return;
  dragged.classList.remove("dragged");
  dragged = null;
  arrange();
};
list.addEventListener("pointerup", drop);
list.addEventListener("pointercancel", drop);
