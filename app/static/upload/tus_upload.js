// The upload of a file to signalpost by tus: in chunks, with progress, paused and resumed by the user.
// It goes on by itself after whatever passes: a lost connection, a busy server, a full disk; nobody has
// to wait in front of it. After a reload the same file continues where it stopped.
import { csrf, pathPrefix } from "./page_context.js";
import { form, formatDuration, formatSize, message, part, showMessage } from "./form.js";

const CHUNK_BYTES = 8 * 1024 * 1024;
const SPEED_SMOOTHING = 0.3; // weight of the newest value in the speed shown
const RECONNECT_INTERVAL = 15000; // milliseconds between two attempts while the browser is offline
const FIRST_RETRY_DELAY = 1000; // milliseconds, doubled by each failure
const LONGEST_RETRY_DELAY = 60000;
const PASSING_STATUSES = [408, 409, 423, 425, 429]; // and 500 and up, unless the answer says otherwise
const MAX_INTERNAL_ERRORS = 10; // in a row: what is broken for so long does not pass
const FAILURES_BEFORE_ALARM = 3;
const fingerprintPrefix = `signalpost-${form.dataset.user}-`;
const fingerprint = async (file) => fingerprintPrefix + [file.name, file.type, file.size, file.lastModified].join("-");

let upload = null;
let rejectUpload = null;
let isWaiting = false; // for the next attempt
let failures = 0; // in a row
let retryTimer = null;
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

const readApiError = (error) => {
  try {
    return JSON.parse(error.originalResponse.getBody()).error ?? {};
  } catch {
    return {}; // no answer, or that of a proxy
  }
};

const doesPass = (error) => {
  const status = error.originalResponse?.getStatus();
  if (!status) return Boolean(!navigator.onLine || error.originalRequest);
  if (status === 500 && failures >= MAX_INTERNAL_ERRORS) return false;
  return PASSING_STATUSES.includes(status) || (status >= 500 && readApiError(error).retryable !== false);
};

// Milliseconds: as the server says (seconds or a date), otherwise longer after each failure.
const retryDelay = (error) => {
  const header = error.originalResponse?.getHeader("Retry-After");
  const asked = header ? 1000 * Number(header) || new Date(header) - Date.now() : 0;
  const backoff = Math.min(FIRST_RETRY_DELAY * 2 ** (failures - 1), LONGEST_RETRY_DELAY);
  return asked > 0 ? asked : backoff;
};

const showWait = (error) => {
  const isLost = !navigator.onLine || failures > FAILURES_BEFORE_ALARM;
  if (!error.originalResponse) return isLost ? showMessage(message("offline"), { bad: true }) : showMessage(message("retrying"));
  const { userMessage, suggestion, code } = readApiError(error);
  showMessage(code === "INSUFFICIENT_STORAGE" ? `${userMessage} ${suggestion}` : message("retrying"));
};

export const isUploading = () => upload !== null;

// Resolves with the id of the media file; rejects with null if the user cancels.
export const uploadFile = (file) =>
  new Promise((resolve, reject) => {
    const finish = (settle, result) => { upload = rejectUpload = null; isWaiting = isPaused = false; failures = 0; clearTimeout(retryTimer); settle(result); };
    rejectUpload = () => finish(reject, null);
    upload = new tus.Upload(file, {
      endpoint: `${pathPrefix}/api/media`,
      chunkSize: CHUNK_BYTES,
      retryDelays: null, // the library knows no Retry-After, and gives up
      headers: { "X-CSRF-Token": csrf },
      metadata: { filename: file.name, filetype: file.type },
      fingerprint,
      removeFingerprintOnSuccess: true,
      onProgress: createProgressHandler(),
      onChunkComplete: () => { failures = 0; if (!isPaused) showMessage(""); },
      onError: (error) => {
        if (!doesPass(error)) return finish(reject, error);
        failures += 1;
        isWaiting = true;
        showWait(error);
        retryTimer = setTimeout(resumeUpload, retryDelay(error));
      },
      onSuccess: () => finish(resolve, Number(upload.url.split("/").pop())),
    });
    upload.findPreviousUploads().then((previous) => {
      if (!upload) return;
      if (previous.length) upload.resumeFromPreviousUpload(previous[0]);
      upload.start();
    });
  });

// Asks how much has arrived, and sends the rest.
const resumeUpload = () => {
  clearTimeout(retryTimer);
  if (!upload || !isWaiting || isPaused) return;
  if (!navigator.onLine) {
    retryTimer = setTimeout(resumeUpload, RECONNECT_INTERVAL); // some systems send no `online` event
    return;
  }
  isWaiting = false;
  upload.start();
};
addEventListener("online", () => {
  if (upload && isWaiting) showMessage(message("online"));
  resumeUpload();
});

export const togglePause = () => {
  isPaused = !isPaused;
  if (isPaused) upload.abort(); else upload.start();
  isWaiting = false;
  clearTimeout(retryTimer);
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
