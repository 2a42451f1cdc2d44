// The account chooser: hides the accounts whose texts do not contain what is typed, and counts the
// chosen ones on the button.
const field = document.querySelector("[data-filters]");
if (field) {
  field.closest("[data-search]").hidden = false;
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    for (const item of document.querySelectorAll(field.dataset.filters)) {
      item.hidden = !item.textContent.toLowerCase().includes(wanted);
    }
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // the form is not meant
  });
}

const button = document.querySelector("[data-counts-choices]");
if (button) {
  const list = document.querySelector(button.dataset.countsChoices);
  const countChoices = () => {
    const count = list.querySelectorAll("input:checked").length;
    const { none, one, many } = button.dataset;
    button.textContent = count > 1 ? many.replace("{number}", count) : count ? one : none;
  };
  list.addEventListener("change", countChoices);
  addEventListener("pageshow", countChoices); // the browser may restore an earlier choice
  countChoices();
}
