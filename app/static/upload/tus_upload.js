// The upload of a file to signalpost by tus: in chunks, with progress, paused and resumed by the user,
// and resumed automatically when the connection is back. After a reload the same file continues where
// it stopped.
import { csrf, pathPrefix } from "./page_context.js";
import { form, formatDuration, formatSize, message, part, showMessage } from "./form.js";

const CHUNK_BYTES = 8 * 1024 * 1024;
const SPEED_SMOOTHING = 0.3; // weight of the newest value in the speed shown
const RECONNECT_INTERVAL = 15000; // milliseconds
const fingerprintPrefix = `signalpost-${form.dataset.user}-`;
const fingerprint = async (file) => fingerprintPrefix + [file.name, file.type, file.size, file.lastModified].join("-");

let upload = null;
let rejectUpload = null;
let isOffline = false;
let isPaused = false;

const createProgressHandler = () => {
  const last = { at: performance.now(), sent: null, rate: null, announcedTenth: 0 };
  return (sent, total) => {
    const now = performance.now();
    if (last.sent !== null && now > last.at && sent >= last.sent) {
      const rate = (1000 * (sent - last.sent)) / (now - last.at);
      last.rate = last.rate === null ? rate : SPEED_SMOOTHING * rate + (1 - SPEED_SMOOTHING) * last.rate;
    }
    Object.assign(last, { at: now, sent });
    part("bar").value = total ? sent / total : 0;
    part("progress-text").textContent = last.rate
      ? message("progress", { sent: formatSize(sent), total: formatSize(total), rate: formatSize(last.rate), left: formatDuration((total - sent) / last.rate) })
      : message("progressStarted", { sent: formatSize(sent), total: formatSize(total) });
    const tenth = Math.floor((10 * sent) / total);
    if (tenth > last.announcedTenth) {
      last.announcedTenth = tenth;
      part("announcement").textContent = message("percent", { percent: 10 * tenth });
    }
  };
};

const isConnectionError = (error) => !navigator.onLine || (error.originalRequest && !error.originalResponse);

export const isUploading = () => upload !== null;

// Resolves with the id of the media file; rejects with null if the user cancels.
export const uploadFile = (file) =>
  new Promise((resolve, reject) => {
    const finish = (settle, result) => { upload = rejectUpload = null; isOffline = isPaused = false; settle(result); };
    rejectUpload = () => finish(reject, null);
    upload = new tus.Upload(file, {
      endpoint: `${pathPrefix}/api/media`,
      chunkSize: CHUNK_BYTES,
      retryDelays: [0, 1000, 3000, 10000],
      headers: { "X-CSRF-Token": csrf },
      metadata: { filename: file.name, filetype: file.type },
      fingerprint,
      removeFingerprintOnSuccess: true,
      onProgress: createProgressHandler(),
      onShouldRetry: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        if (!status) showMessage(message("retrying"));
        return navigator.onLine && (status < 400 || status >= 500 || status === 409 || status === 423);
      },
      onChunkComplete: () => { if (!isPaused) showMessage(""); },
      onError: (error) => {
        if (!isConnectionError(error)) return finish(reject, error);
        isOffline = true;
        showMessage(message("offline"), { bad: true });
      },
      onSuccess: () => finish(resolve, Number(upload.url.split("/").pop())),
    });
    upload.findPreviousUploads().then((previous) => {
      if (!upload) return;
      if (previous.length) upload.resumeFromPreviousUpload(previous[0]);
      upload.start();
    });
  });

const resumeUpload = () => {
  if (!upload || !isOffline || isPaused) return;
  isOffline = false;
  showMessage(message("online"));
  upload.start();
};
addEventListener("online", resumeUpload);
setInterval(() => navigator.onLine && resumeUpload(), RECONNECT_INTERVAL); // there is no `online` event if only the server was unreachable

export const togglePause = () => {
  isPaused = !isPaused;
  if (isPaused) upload.abort(); else upload.start();
  isOffline = false;
  return isPaused;
};

export const cancelUpload = async () => {
  const reject = rejectUpload;
  try {
    await upload.abort(true);
  } catch {
    // the server deletes what is left when it expires
  }
  reject();
};

// This user's uploads that a reload or a closed window has interrupted, with the bytes already sent.
export const findInterruptedUploads = async () => {
  const stored = await tus.defaultOptions.urlStorage.findAllUploads();
  const ofThisUser = stored.filter((entry) => entry.urlStorageKey.startsWith(`tus::${fingerprintPrefix}`));
  const uploads = await Promise.all(ofThisUser.map(queryUpload));
  return uploads.filter(Boolean);
};

const queryUpload = async (entry) => {
  let response;
  try {
    response = await fetch(entry.uploadUrl, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } });
  } catch {
    return null; // the server cannot be reached now
  }
  const discard = async () => {
    await tus.defaultOptions.urlStorage.removeUpload(entry.urlStorageKey);
    await fetch(entry.uploadUrl, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0", "X-CSRF-Token": csrf } });
  };
  if (!response.ok) {
    await tus.defaultOptions.urlStorage.removeUpload(entry.urlStorageKey);
    return null;
  }
  const sent = Number(response.headers.get("Upload-Offset"));
  return { name: entry.metadata.filename, sent, total: entry.size, discard };
};
