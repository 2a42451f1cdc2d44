// The search of the API reference: hides the operations that do not contain all words.
const search = document.querySelector("[data-docs-search]");
const input = search.querySelector("input");
const found = search.querySelector("[role=status]");

function showMatches() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  let number = 0;
  for (const group of document.querySelectorAll("[data-docs-group]")) {
    let shown = 0;
    for (const entry of group.querySelectorAll("[data-docs-operation]")) {
      const text = entry.textContent.toLowerCase();
      entry.hidden = !words.every((word) => text.includes(word));
      shown += entry.hidden ? 0 : 1;
    }
    group.hidden = shown === 0;
    number += shown;
  }
  found.textContent = words.length ? found.dataset.text.replace("{number}", number) : "";
}

search.hidden = false;
input.addEventListener("input", showMatches);
