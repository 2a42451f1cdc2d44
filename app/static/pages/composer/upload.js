import { csrf, fingerprintPrefix, form, pathPrefix } from "./form.js";

// The library is loaded with the first file, because it is large and a form without files needs none of
// it. An attempt that failed is repeated with the next file.
let library = null;
export const loadLibrary = () => {
  library ??= new Promise((onload, onerror) => {
    document.head.append(Object.assign(document.createElement("script"), { src: form.dataset.uploadLibrary, onload, onerror }));
  });
  library.catch(() => { library = null; });
  return library;
};

// The upload of one file by tus: in chunks, with progress, paused and resumed by the user. It goes on by
// itself after whatever passes: a lost connection, a busy server, a full disk. After a reload the same
// file continues where it stopped.

const CHUNK_BYTES = 8 * 1024 * 1024;
const SPEED_SMOOTHING = 0.3; // weight of the newest value in the speed shown
const RECONNECT_INTERVAL = 15000; // milliseconds between two attempts while the browser is offline
const FIRST_RETRY_DELAY = 1000; // milliseconds, doubled by each failure
const LONGEST_RETRY_DELAY = 60000;
const PASSING_STATUSES = [408, 409, 423, 425, 429]; // and 500 and up, unless the answer says otherwise
const MAX_INTERNAL_ERRORS = 10; // in a row: what is broken for so long does not pass
const FAILURES_BEFORE_ALARM = 3;
const fingerprint = async (file) => fingerprintPrefix + [file.name, file.type, file.size, file.lastModified].join("-");

export const readApiError = (error) => {
  try {
    return JSON.parse(error.originalResponse.getBody()).error ?? {};
  } catch {
    return {}; // no answer, or that of a proxy
  }
};

// `onProgress({sent, total, rate})`, `onWait(error, isLost)`, `onResume()`, and one of `onDone(id)` and
// `onFail(error)`.
export class FileUpload {
  constructor(file, handlers) {
    Object.assign(this, { file, handlers, failures: 0, isWaiting: false, isPaused: false, timer: null });
    this.rate = this.last = null;
    this.tus = new tus.Upload(file, {
      endpoint: `${pathPrefix}/api/media`,
      chunkSize: CHUNK_BYTES,
      retryDelays: null, // the library knows no Retry-After, and gives up
      headers: { "X-CSRF-Token": csrf },
      metadata: { filename: file.name, filetype: file.type },
      fingerprint,
      removeFingerprintOnSuccess: true,
      onProgress: (sent, total) => this.measure(sent, total),
      onChunkComplete: () => { this.failures = 0; if (!this.isPaused) handlers.onResume(); },
      onError: (error) => this.handle(error),
      onSuccess: () => this.end(() => handlers.onDone(Number(this.tus.url.split("/").pop()))),
    });
  }

  async start() {
    addEventListener("online", this.online = () => this.resume());
    const [previous] = await this.tus.findPreviousUploads();
    if (previous) this.tus.resumeFromPreviousUpload(previous);
    if (!this.isEnded) this.tus.start();
  }

  end(report) {
    this.isEnded = true;
    clearTimeout(this.timer);
    removeEventListener("online", this.online);
    report();
  }

  measure(sent, total) {
    const now = performance.now();
    if (this.last && now > this.last.at && sent >= this.last.sent) {
      const rate = (1000 * (sent - this.last.sent)) / (now - this.last.at);
      this.rate = this.rate === null ? rate : SPEED_SMOOTHING * rate + (1 - SPEED_SMOOTHING) * this.rate;
    }
    this.last = { at: now, sent };
    this.handlers.onProgress({ sent, total, rate: this.rate });
  }

  handle(error) {
    if (this.isEnded) return;
    if (!this.doesPass(error)) return this.end(() => this.handlers.onFail(error));
    this.failures += 1;
    this.isWaiting = true;
    const isLost = !error.originalResponse && (!navigator.onLine || this.failures > FAILURES_BEFORE_ALARM);
    this.handlers.onWait(error, isLost);
    this.timer = setTimeout(() => this.resume(), this.retryDelay(error));
  }

  doesPass(error) {
    const status = error.originalResponse?.getStatus();
    if (!status) return Boolean(!navigator.onLine || error.originalRequest);
    if (status === 500 && this.failures >= MAX_INTERNAL_ERRORS) return false;
    return PASSING_STATUSES.includes(status) || (status >= 500 && readApiError(error).retryable !== false);
  }

  // Milliseconds: as the server says (seconds or a date), otherwise longer after each failure.
  retryDelay(error) {
    const header = error.originalResponse?.getHeader("Retry-After");
    const asked = header ? 1000 * Number(header) || new Date(header) - Date.now() : 0;
    return asked > 0 ? asked : Math.min(FIRST_RETRY_DELAY * 2 ** (this.failures - 1), LONGEST_RETRY_DELAY);
  }

  // Asks how much has arrived, and sends the rest.
  resume() {
    clearTimeout(this.timer);
    if (this.isEnded || !this.isWaiting || this.isPaused) return;
    if (!navigator.onLine) {
      this.timer = setTimeout(() => this.resume(), RECONNECT_INTERVAL); // some systems send no `online` event
      return;
    }
    this.isWaiting = false;
    this.tus.start();
  }

  togglePause() {
    this.isPaused = !this.isPaused;
    this.isWaiting = false;
    clearTimeout(this.timer);
    if (this.isPaused) this.tus.abort(); else this.tus.start();
    return this.isPaused;
  }

  async cancel() {
    this.end(() => {});
    try {
      await this.tus.abort(true);
    } catch {
      // the server deletes what is left when it expires
    }
  }
}

// This user's uploads that a reload or a closed window has interrupted, with the bytes already sent.
export const findInterruptedUploads = async () => {
  const stored = await tus.defaultOptions.urlStorage.findAllUploads();
  const ofThisUser = stored.filter((entry) => entry.urlStorageKey.startsWith(`tus::${fingerprintPrefix}`));
  return (await Promise.all(ofThisUser.map(queryUpload))).filter(Boolean);
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
  return { name: entry.metadata.filename, sent: Number(response.headers.get("Upload-Offset")), total: entry.size, discard };
};
