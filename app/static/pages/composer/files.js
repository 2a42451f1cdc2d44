// Access to the composer's form: its parts, its texts in the reader's language, which the page brings
// along, and numbers formatted for that language.
export const form = document.getElementById("composer");
export const part = (name) => form.querySelector(`[data-part="${name}"]`) ?? document.querySelector(`[data-part="${name}"]`);
export const csrf = document.querySelector('meta[name="csrf-token"]').content;
export const pathPrefix = document.querySelector('meta[name="path-prefix"]').content;

const messages = JSON.parse(form.dataset.messages);
const lang = document.documentElement.lang;
const unitFormat = (name, digits) =>
  new Intl.NumberFormat(lang, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits });
const SIZE_UNITS = [[1e9, unitFormat("gigabyte", 2)], [1e6, unitFormat("megabyte", 1)], [1, unitFormat("kilobyte", 0)]];
const numberFormat = new Intl.NumberFormat(lang);

export const message = (key, values = {}) => messages[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
export const formatNumber = (value) => numberFormat.format(value);
export const formatTime = (date) => new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit" }).format(date);

const formatSize = (bytes) => {
  const [minimum, format] = SIZE_UNITS.find(([least]) => bytes >= least) ?? SIZE_UNITS.at(-1);
  return format.format(minimum === 1 ? Math.ceil(bytes / 1e3) : bytes / minimum);
};

const formatDuration = (seconds) => {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
};

export const announce = (text) => {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
};

export const formBody = () => new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string"));

export const postForm = (url, signal) =>
  fetch(url, { method: "POST", body: formBody(), headers: { "X-CSRF-Token": csrf }, signal });

// The form has changed without a person typing: counters, checks and draft follow.
export const reportChange = () => form.dispatchEvent(new CustomEvent("composer-changed"));

// What sends files is loaded with the first one. An attempt that failed is repeated with the next file.
export const fingerprintPrefix = `signalpost-${form.dataset.user}-`;
let sender = null;
const loadSender = () => {
  sender ??= import("./upload.js").then(async (loaded) => { await loaded.loadLibrary(); return loaded; });
  sender.catch(() => { sender = null; });
  return sender;
};

// The list of files: chosen or dropped, uploaded one after the other at once, put in order by buttons,
// by keys and by dragging, and removed.

const list = part("files");
const template = part("file-template");
const localFiles = new Map(); // card → what the browser has of it: its file, and a URL to show it
const uploads = new Map(); // card → its upload until it has ended; null while its script is loaded
const queue = [];
let lastNumber = 0;

const cards = () => [...list.children];
const cardPart = (card, name) => card.querySelector(`[data-file-part="${name}"]`);
export const isUploading = () => uploads.size > 0;
export const hasFailed = () => cards().some((card) => card.classList.contains("bad"));
export const firstLocal = () => localFiles.get(cards()[0]) ?? null;
export const mediaTypes = () => cards().map((card) => card.dataset.type);
export const longestSeconds = () => Math.max(0, ...cards().map((card) => Number(card.dataset.seconds) || 0));

const nameOf = (card) => cardPart(card, "name").textContent;

const makeCard = () => {
  lastNumber += 1;
  const holder = document.createElement("template");
  holder.innerHTML = template.innerHTML.replaceAll("KEY", `f${Date.now().toString(36)}${lastNumber}`);
  return list.appendChild(holder.content.querySelector("[data-file]"));
};

const arrange = () => {
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
  part("file-count").textContent = all.length > 1 ? message("fileCount", { count: formatNumber(all.length) }) : "";
  reportChange();
};

const showStatus = (card, text, isBad = false) => {
  cardPart(card, "status").textContent = text;
  card.classList.toggle("bad", isBad);
};

const readFacts = (card, file) => {
  const url = URL.createObjectURL(file);
  localFiles.set(card, { file, url });
  if (!file.type.startsWith("video/")) return;
  const video = Object.assign(document.createElement("video"), { preload: "metadata", muted: true, src: url });
  video.onloadedmetadata = () => {
    if (Number.isFinite(video.duration)) card.dataset.seconds = video.duration;
    cardPart(card, "facts").textContent = [`${video.videoWidth} × ${video.videoHeight}`, formatDuration(video.duration || 0)].join(", ");
    reportChange();
  };
};

const startNext = async () => {
  if (uploads.size || !queue.length) return;
  const card = queue.shift();
  if (!card.isConnected) return startNext();
  uploads.set(card, null);
  cardPart(card, "upload").hidden = false;
  showStatus(card, "");
  try {
    const loaded = await loadSender();
    if (uploads.has(card)) startUpload(card, loaded);
  } catch {
    finish(card);
    showStatus(card, message("uploadFailed"), true);
  }
};

const startUpload = (card, { FileUpload, readApiError }) => {
  const upload = new FileUpload(localFiles.get(card).file, handlersOf(card, readApiError));
  uploads.set(card, upload);
  const pause = cardPart(card, "pause");
  pause.hidden = false;
  pause.setAttribute("aria-label", message("pause", { name: nameOf(card) }));
  upload.start();
};

const finish = (card) => {
  uploads.delete(card);
  cardPart(card, "upload").hidden = cardPart(card, "pause").hidden = true;
  startNext();
  reportChange();
};

const handlersOf = (card, readApiError) => {
  let tenth = 0;
  return {
    onProgress: ({ sent, total, rate }) => {
      const values = { sent: formatSize(sent), total: formatSize(total) };
      cardPart(card, "bar").value = total ? sent / total : 0;
      showStatus(card, rate ? message("progress", { ...values, rate: formatSize(rate), left: formatDuration((total - sent) / rate) }) : message("progressStarted", values));
      if (Math.floor((10 * sent) / total) > tenth) {
        tenth = Math.floor((10 * sent) / total);
        announce(message("percent", { percent: 10 * tenth }));
      }
    },
    onWait: (error, isLost) => {
      const { userMessage, suggestion, code } = readApiError(error);
      showStatus(card, code === "INSUFFICIENT_STORAGE" ? `${userMessage} ${suggestion}` : message(isLost ? "offline" : "retrying"), isLost);
    },
    onResume: () => card.classList.remove("bad"),
    onDone: (id) => {
      cardPart(card, "id").value = id;
      showStatus(card, message("uploaded"));
      finish(card);
    },
    onFail: (error) => {
      const { userMessage, suggestion } = readApiError(error);
      finish(card);
      showStatus(card, [userMessage, suggestion].filter(Boolean).join(" ") || message("uploadFailed"), true);
    },
  };
};

const addFile = (file) => {
  const [kind] = file.type.toLowerCase().split("/"); // no type: the bytes decide, on the server
  const card = makeCard();
  card.dataset.type = kind === "image" ? "image" : "video";
  card.dataset.size = file.size;
  cardPart(card, "name").textContent = cardPart(card, "stored-name").value = file.name;
  cardPart(card, "size").textContent = formatSize(file.size);
  cardPart(card, "address").remove();
  if (kind && !["image", "video", "application"].includes(kind)) return showStatus(card, message("wrongType"), true);
  if (!file.size) return showStatus(card, message("emptyFile"), true);
  readFacts(card, file);
  showStatus(card, message("waiting"));
  queue.push(card);
};

const addFiles = (files) => {
  for (const file of files) addFile(file);
  startNext();
  arrange();
};

const addAddresses = () => {
  const box = document.getElementById("addresses");
  for (const url of box.value.split(/\s+/).filter(Boolean)) {
    const card = makeCard();
    cardPart(card, "name").textContent = url;
    card.querySelector('[name^="media_url"]').value = url;
    card.dataset.type = /\.(jpe?g|png|webp|heic)(\?|#|$)/i.test(url) ? "image" : "video";
  }
  box.value = "";
  arrange();
};

const moveCard = (card, step) => {
  const neighbour = step < 0 ? card.previousElementSibling : card.nextElementSibling;
  if (!neighbour) return;
  if (step < 0) neighbour.before(card); else neighbour.after(card);
  arrange();
  announce(message("moved", { number: cards().indexOf(card) + 1, count: cards().length }));
};

const removeCard = (card) => {
  const next = card.nextElementSibling ?? card.previousElementSibling;
  uploads.get(card)?.cancel();
  const wasUploading = uploads.delete(card);
  URL.revokeObjectURL(localFiles.get(card)?.url);
  localFiles.delete(card);
  card.remove();
  (next?.querySelector("[data-remove]") ?? part("file-input")).focus();
  if (wasUploading) startNext();
  arrange();
  announce(message("removed"));
};

const togglePause = (card) => {
  const upload = uploads.get(card);
  if (!upload) return;
  const button = cardPart(card, "pause");
  const isPaused = upload.togglePause();
  button.setAttribute("aria-pressed", String(isPaused));
  button.setAttribute("aria-label", message(isPaused ? "resume" : "pause", { name: nameOf(card) }));
  if (isPaused) showStatus(card, message("paused", { sent: formatSize(upload.last?.sent ?? 0), total: formatSize(upload.file.size) }));
};

list.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  const card = event.target.closest("[data-file]");
  if (!button || !card) return;
  if (button.dataset.move) {
    moveCard(card, Number(button.dataset.move));
    (button.disabled ? card.querySelector("[data-move]:not(:disabled)") : button).focus();
  } else if ("remove" in button.dataset) removeCard(card);
  else if (button.dataset.filePart === "pause") togglePause(card);
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
part("add-addresses").addEventListener("click", addAddresses);
addEventListener("beforeunload", (event) => { if (isUploading()) event.preventDefault(); });

const showInterrupted = async () => {
  const isAny = Object.keys(localStorage).some((key) => key.startsWith(`tus::${fingerprintPrefix}`));
  const found = isAny ? await loadSender().then((loaded) => loaded.findInterruptedUploads()) : [];
  part("interrupted").hidden = !found.length;
  part("interrupted-list").replaceChildren(...found.map((each) => {
    const item = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button", className: "button ghost small", textContent: message("discard", { name: each.name }) });
    button.addEventListener("click", async () => { await each.discard(); showInterrupted(); });
    item.append(message("interrupted", { name: each.name, sent: formatSize(each.sent), total: formatSize(each.total) }), " ", button);
    return item;
  }));
};

export const startFiles = () => {
  dropZone.hidden = part("add-addresses").hidden = false;
  for (const card of cards()) if (cardPart(card, "id").value) cardPart(card, "address")?.remove();
  arrange();
  addEventListener("load", showInterrupted);
  if (document.readyState === "complete") showInterrupted();
};
