import { arrange, cardPart, list, localFiles, nameOf, showStatus, uploads } from "./file_list.js";
import { announce, lang, message, part, reportChange } from "./form.js";
import { FileUpload, findInterruptedUploads, loadLibrary, readApiError } from "./upload.js";

// Adds files to the list: chosen, dropped or named by their addresses. Files are sent one after the other
// at once; each card shows how far its file is.

const template = part("file-template");
const queue = [];
let lastNumber = 0;

const unitFormat = (name, digits) =>
  new Intl.NumberFormat(lang, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits });
const SIZE_UNITS = [[1e9, unitFormat("gigabyte", 2)], [1e6, unitFormat("megabyte", 1)], [1, unitFormat("kilobyte", 0)]];

const formatSize = (bytes) => {
  const [minimum, format] = SIZE_UNITS.find(([least]) => bytes >= least) ?? SIZE_UNITS.at(-1);
  return format.format(minimum === 1 ? Math.ceil(bytes / 1e3) : bytes / minimum);
};

const formatDuration = (seconds) => {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
};

const makeCard = () => {
  lastNumber += 1;
  const holder = document.createElement("template");
  holder.innerHTML = template.innerHTML.replaceAll("KEY", `f${Date.now().toString(36)}${lastNumber}`);
  return list.appendChild(holder.content.querySelector("[data-file]"));
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

export const startNext = async () => {
  if (uploads.size || !queue.length) return;
  const card = queue.shift();
  if (!card.isConnected) return startNext();
  uploads.set(card, null);
  cardPart(card, "upload").hidden = false;
  showStatus(card, "");
  try {
    await loadLibrary();
    if (uploads.has(card)) uploads.set(card, startUpload(card, localFiles.get(card).file));
  } catch {
    showStatus(card, message("uploadFailed"), true);
    finish(card);
  }
};

const finish = (card) => {
  uploads.delete(card);
  cardPart(card, "upload").hidden = cardPart(card, "pause").hidden = true;
  startNext();
  reportChange();
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

export const addFiles = (files) => {
  for (const file of files) addFile(file);
  startNext();
  arrange();
};

// Makes a file of the list of one that was uploaded earlier.
export const addRecent = (box) => {
  const card = makeCard();
  card.dataset.type = box.dataset.type;
  card.dataset.seconds = box.dataset.seconds;
  cardPart(card, "id").value = box.value;
  cardPart(card, "name").textContent = cardPart(card, "stored-name").value = box.dataset.name;
  cardPart(card, "size").textContent = box.dataset.size;
  cardPart(card, "address").remove();
  showStatus(card, message("uploaded"));
  box.closest("li").remove();
  arrange();
};

export const addAddresses = () => {
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

// Returns the upload, which can be cancelled.
const startUpload = (card, file) => {
  const upload = new FileUpload(file, handlersOf(card));
  const pause = cardPart(card, "pause");
  pause.hidden = false;
  pause.setAttribute("aria-label", message("pause", { name: nameOf(card) }));
  pause.onclick = () => togglePause(card, upload);
  upload.start();
  return upload;
};

const togglePause = (card, upload) => {
  const button = cardPart(card, "pause");
  const isPaused = upload.togglePause();
  button.setAttribute("aria-pressed", String(isPaused));
  button.setAttribute("aria-label", message(isPaused ? "resume" : "pause", { name: nameOf(card) }));
  if (isPaused) showStatus(card, message("paused", { sent: formatSize(upload.last?.sent ?? 0), total: formatSize(upload.file.size) }));
};

const handlersOf = (card) => {
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
      showStatus(card, [userMessage, suggestion].filter(Boolean).join(" ") || message("uploadFailed"), true);
      finish(card);
    },
  };
};

// Names the uploads that were interrupted.
export const showInterrupted = async () => {
  await loadLibrary();
  const found = await findInterruptedUploads();
  part("interrupted").hidden = !found.length;
  part("interrupted-list").replaceChildren(...found.map((each) => {
    const item = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button", className: "button ghost small", textContent: message("discard", { name: each.name }) });
    button.addEventListener("click", async () => { await each.discard(); showInterrupted(); });
    item.append(message("interrupted", { name: each.name, sent: formatSize(each.sent), total: formatSize(each.total) }), " ", button);
    return item;
  }));
};
