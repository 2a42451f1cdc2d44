import { announce, fingerprintPrefix, form, message, part, reportChange } from "./form.js";
import { arrange, cardPart, cards, list, localFiles, uploads } from "./file_list.js";

// Takes files from the page: chosen, dropped or named by their addresses, and removes them. What adds and
// sends them is loaded with the first one, what puts them in order with the second. An attempt to load it
// that failed is repeated with the next file.

let sender = null;
let pendingAdditions = 0;

export const isUploading = () => pendingAdditions > 0 || uploads.size > 0;

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

form.addEventListener("composer-changed", () => {
  if (cards().length > 1) import("./order.js");
});

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
