// The search of the account chooser: hides the accounts whose texts do not contain what is typed.
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
