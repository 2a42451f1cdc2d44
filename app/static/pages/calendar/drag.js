// Dragging a post to another day, or in the week to another time in steps of a quarter of an hour.
const START_DISTANCE = 6; // pixels after which a press is a drag
const QUARTER = 15; // minutes

const timeInCell = (cell, y) => {
  if (!cell.dataset.hour) return "";
  const box = cell.getBoundingClientRect();
  const quarter = Math.min(3, Math.max(0, Math.floor((4 * (y - box.top)) / box.height)));
  return `${cell.dataset.hour.padStart(2, "0")}:${String(quarter * QUARTER).padStart(2, "0")}`;
};

export const initDrag = (region, moves) => {
  let drag = null; // the slot, where the press began, the cell below

  const findCell = (x, y) => document.elementFromPoint(x, y)?.closest("#calendar td[data-date]") ?? null;

  const markCell = (cell) => {
    drag.cell?.classList.remove("target");
    drag.cell = cell && cell !== drag.home ? cell : drag.home?.dataset.hour ? cell : null;
    drag.cell?.classList.add("target");
  };

  const finish = () => {
    if (!drag) return;
    drag.cell?.classList.remove("target");
    drag.slot.classList.remove("dragged");
    drag.slot.style.transform = "";
    drag = null;
  };

  const suppressClick = (slot) => {
    const stop = (event) => event.preventDefault();
    slot.addEventListener("click", stop, { capture: true, once: true });
    setTimeout(() => slot.removeEventListener("click", stop, { capture: true }), 300);
  };

  region.addEventListener("pointerdown", (event) => {
    const slot = event.target.closest(".slot[data-move]");
    if (!slot || event.button !== 0 || event.target.closest(".mover")) return;
    drag = { slot, x: event.clientX, y: event.clientY, home: slot.closest("td"), cell: null, isMoving: false };
  });

  document.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.isMoving && Math.hypot(dx, dy) < START_DISTANCE) return;
    drag.isMoving = true;
    drag.slot.classList.add("dragged");
    drag.slot.style.transform = `translate(${dx}px, ${dy}px)`;
    markCell(findCell(event.clientX, event.clientY));
  });

  document.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { slot, cell, isMoving } = drag;
    const time = cell && timeInCell(cell, event.clientY);
    if (isMoving) suppressClick(slot);
    finish();
    if (isMoving && cell) moves.save(slot, { date: cell.dataset.date, time });
  });

  document.addEventListener("pointercancel", finish);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") finish(); });
  region.addEventListener("dragstart", (event) => event.preventDefault());
  region.addEventListener("content-replaced", finish);
};
