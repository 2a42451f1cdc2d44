// Keyboard shortcuts, as the dialog under ? lists them. Off while one types; the settings switch them
// off altogether, and then this file is not loaded. Links name theirs with data-shortcut.
const SEQUENCE_TIMEOUT = 1500; // milliseconds between two keys of a sequence, as g h
const FIELD = "input, select, textarea, [contenteditable]";
const dialog = document.getElementById("shortcuts");
let prefix = "";
let prefixTimer = 0;

const rows = () => [...document.querySelectorAll("[data-rows] > *")].filter((row) => row.offsetParent);
const linkOf = (row) => row.matches("a[href]") ? row : row.querySelector("a[href]");
const moveRow = (step) => {
  const all = rows();
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step];
  if (next) linkOf(next)?.focus();
};
const selectRow = () => {
  rows().find((row) => row.contains(document.activeElement))?.querySelector("input[type=checkbox]")?.click();
};
const KEYS = {
  "?": () => dialog.showModal(),
  "/": () => document.querySelector("main input[type=search]")?.focus(),
  j: () => moveRow(1),
  k: () => moveRow(-1),
  x: selectRow,
  r: () => {
    document.dispatchEvent(new CustomEvent("toggle-updates"));
    const isPaused = document.documentElement.hasAttribute("data-paused");
    const text = isPaused ? dialog.dataset.pausedText : dialog.dataset.resumedText;
    document.dispatchEvent(new CustomEvent("toast", { detail: { text } }));
  },
};

const followLink = (shortcut) => {
  const link = [...document.querySelectorAll("a[data-shortcut]")].find((each) => each.dataset.shortcut === shortcut);
  link?.click();
  return Boolean(link);
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest(FIELD) || document.querySelector("dialog[open]")) return;
  const shortcut = prefix ? `${prefix} ${event.key}` : event.key;
  clearTimeout(prefixTimer);
  prefix = "";
  if (shortcut === "g") {
    prefix = "g";
    prefixTimer = setTimeout(() => { prefix = ""; }, SEQUENCE_TIMEOUT);
  } else if (KEYS[shortcut]) {
    event.preventDefault();
    KEYS[shortcut]();
  } else if (followLink(shortcut)) event.preventDefault();
});
