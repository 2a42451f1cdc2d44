// Access to the composer's form: its parts, its texts in the reader's language, which the page brings
// along, and numbers formatted for that language.
export const form = document.getElementById("composer");
export const part = (name) => form.querySelector(`[data-part="${name}"]`) ?? document.querySelector(`[data-part="${name}"]`);
export const csrf = document.querySelector('meta[name="csrf-token"]').content;
export const pathPrefix = document.querySelector('meta[name="path-prefix"]').content;

const messages = JSON.parse(form.dataset.messages);
export const lang = document.documentElement.lang;
const numberFormat = new Intl.NumberFormat(lang);

export const message = (key, values = {}) => messages[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
export const formatNumber = (value) => numberFormat.format(value);
export const formatTime = (date) => new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit" }).format(date);

export const announce = (text) => {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
};

export const formBody = () => new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string"));

export const postForm = (url, signal) =>
  fetch(url, { method: "POST", body: formBody(), headers: { "X-CSRF-Token": csrf }, signal });

// The form has changed without a person typing: counters, checks and draft follow.
export const reportChange = () => form.dispatchEvent(new CustomEvent("composer-changed"));

// The list of files. What adds and sends them is loaded with the first one, what puts them in order with
// the second. An attempt to load it that failed is repeated with the next file.

export const fingerprintPrefix = `signalpost-${form.dataset.user}-`;
export const list = part("files");
export const localFiles = new Map(); // card → what the browser has of it: its file, and a URL to show it
export const uploads = new Map(); // card → its upload until it has ended; null before it begins
let sender = null;
let pendingAdditions = 0;

export const cards = () => [...list.children];
export const cardPart = (card, name) => card.querySelector(`[data-file-part="${name}"]`);
export const isUploading = () => pendingAdditions > 0 || uploads.size > 0;
export const hasFailed = () => cards().some((card) => card.classList.contains("bad"));
export const firstLocal = () => localFiles.get(cards()[0]) ?? null;
export const mediaTypes = () => cards().map((card) => card.dataset.type);
export const longestSeconds = () => Math.max(0, ...cards().map((card) => Number(card.dataset.seconds) || 0));

export const nameOf = (card) => cardPart(card, "name").textContent;

export const arrange = () => {
  const all = cards();
  for (const [index, card] of all.entries()) {
    const values = { name: nameOf(card), number: index + 1 };
    const [up, down] = card.querySelectorAll("[data-move]");
    cardPart(card, "buttons").hidden = false;
    cardPart(card, "alt").hidden = card.dataset.type === "video";
    up.disabled = index === 0;
    down.disabled = index === all.length - 1;
    up.hidden = down.hidden = all.length < 2;
    up.setAttribute("aria-label", message("moveUp", values));
    down.setAttribute("aria-label", message("moveDown", values));
    card.querySelector("[data-remove]").setAttribute("aria-label", message("remove", values));
  }
  if (all.length > 1) import("./order.js");
  part("file-count").textContent = all.length > 1 ? message("fileCount", { count: formatNumber(all.length) }) : "";
  reportChange();
};

export const showStatus = (card, text, isBad = false) => {
  cardPart(card, "status").textContent = text;
  card.classList.toggle("bad", isBad);
};

const loadSender = () => {
  sender ??= import("./sending.js");
  sender.catch(() => { sender = null; });
  return sender;
};

const add = async (what) => {
  pendingAdditions += 1;
  reportChange();
  try {
    what(await loadSender());
  } catch {
    part("file-count").textContent = message("uploadFailed");
    announce(message("uploadFailed"));
  }
  pendingAdditions -= 1;
  reportChange();
};
const addFiles = (files) => {
  const chosen = [...files]; // the list is emptied when its field is
  add((loaded) => loaded.addFiles(chosen));
};

const removeCard = (card) => {
  const next = card.nextElementSibling ?? card.previousElementSibling;
  uploads.get(card)?.cancel();
  const wasUploading = uploads.delete(card);
  URL.revokeObjectURL(localFiles.get(card)?.url);
  localFiles.delete(card);
  card.remove();
  (next?.querySelector("[data-remove]") ?? part("file-input")).focus();
  if (wasUploading) loadSender().then((loaded) => loaded.startNext());
  arrange();
  announce(message("removed"));
};

list.addEventListener("click", (event) => {
  const button = event.target.closest("[data-remove]");
  if (button) removeCard(button.closest("[data-file]"));
});

const dropZone = part("drop");
for (const name of ["dragenter", "dragover"]) dropZone.addEventListener(name, (event) => { event.preventDefault(); dropZone.classList.add("over"); });
dropZone.addEventListener("dragleave", () => dropZone.classList.remove("over"));
dropZone.addEventListener("drop", (event) => {
  event.preventDefault();
  dropZone.classList.remove("over");
  addFiles(event.dataTransfer.files);
});
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault()); // a file dropped elsewhere must not replace the page

part("file-input").addEventListener("change", (event) => {
  addFiles(event.target.files);
  event.target.value = "";
});
part("recent")?.addEventListener("change", (event) => add((loaded) => loaded.addRecent(event.target)));
part("add-addresses").addEventListener("click", () => add((loaded) => loaded.addAddresses()));
addEventListener("beforeunload", (event) => { if (isUploading()) event.preventDefault(); });

const showInterrupted = async () => {
  const isAny = Object.keys(localStorage).some((key) => key.startsWith(`tus::${fingerprintPrefix}`));
  if (isAny) (await loadSender()).showInterrupted();
};

export const startFiles = () => {
  dropZone.hidden = part("add-addresses").hidden = false;
  for (const card of cards()) if (cardPart(card, "id").value) cardPart(card, "address")?.remove();
  arrange();
  addEventListener("load", showInterrupted);
  if (document.readyState === "complete") showInterrupted();
};
