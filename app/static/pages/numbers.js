// The charts of insights are read value by value, by pointer or with the arrow keys. Without this
// script the summary and the table beside each chart say the same.
const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };

const startReader = (reader) => {
  const readings = JSON.parse(reader.dataset.readings);
  const last = readings.length - 1;
  const [line, label] = reader.children;
  const show = (index) => {
    const at = Math.max(0, Math.min(last, index));
    reader.setAttribute("aria-valuenow", at);
    reader.setAttribute("aria-valuetext", readings[at]);
    line.style.left = `${last ? (100 * at) / last : 0}%`;
    label.textContent = readings[at];
    label.classList.toggle("left", at > last / 2);
    reader.classList.add("reads");
  };
  const hide = () => reader.classList.remove("reads");
  reader.addEventListener("keydown", (event) => {
    const now = Number(reader.getAttribute("aria-valuenow"));
    if (event.key in STEPS) show(now + STEPS[event.key]);
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(last);
    else {
      if (event.key === "Escape") hide();
      return;
    }
    event.preventDefault();
  });
  reader.addEventListener("pointermove", (event) => {
    const { left, width } = reader.getBoundingClientRect();
    show(Math.round((last * (event.clientX - left)) / width));
  });
  reader.addEventListener("focus", () => show(Number(reader.getAttribute("aria-valuenow"))));
  reader.addEventListener("blur", hide);
  reader.addEventListener("pointerleave", () => {
    if (document.activeElement !== reader) hide();
  });
  reader.hidden = false;
};

document.querySelectorAll("[data-readings]").forEach(startReader);
