// Selection in the list of posts: all at once, all that fit, and how many are selected.
const form = document.querySelector("[data-selection]");

if (form) {
  const boxes = [...form.querySelectorAll("[name=post]")];
  const selectAll = form.querySelector("[data-select-all]");
  const status = form.querySelector("[data-selected]");
  const all = selectAll.querySelector("input");

  const showCount = () => {
    const count = boxes.filter((box) => box.checked).length;
    const { none, one, many } = status.dataset;
    status.textContent = [none, one][count] ?? many.replace("{number}", count);
    all.checked = count === boxes.length;
    all.indeterminate = count > 0 && count < boxes.length;
  };

  selectAll.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    showCount();
  });
  // All that fit are another choice than single ones; before it is carried out, they are counted.
  const fitting = form.elements.all;
  fitting?.addEventListener("change", () => {
    for (const box of [...boxes, all]) box.disabled = fitting.checked;
  });
  form.addEventListener("change", showCount);
  addEventListener("pageshow", showCount);
}
