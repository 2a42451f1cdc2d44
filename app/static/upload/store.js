// A file on its way to us by tus: in pieces, with true figures, paused and resumed at will, and by
// itself when the connection comes back. After a reload the same file goes on where it stopped.
import { duration, form, part, say, size, tell } from "./words.js";

const PIECE = 8 * 1024 * 1024;
const SMOOTH = 0.3; // weight of the newest figure in the speed shown
const csrf = document.querySelector('meta[name="csrf-token"]').content;
const mine = `signalpost-${form.dataset.user}-`;
const fingerprint = async (file) => mine + [file.name, file.type, file.size, file.lastModified].join("-");

let upload = null;
let stop = null;
let waits = false;
let paused = false;

const figures = () => {
  const seen = { at: performance.now(), sent: null, rate: null, told: 0 };
  return (sent, total) => {
    const now = performance.now();
    if (seen.sent !== null && now > seen.at && sent >= seen.sent) {
      const rate = (1000 * (sent - seen.sent)) / (now - seen.at);
      seen.rate = seen.rate === null ? rate : SMOOTH * rate + (1 - SMOOTH) * seen.rate;
    }
    Object.assign(seen, { at: now, sent });
    part("bar").value = total ? sent / total : 0;
    part("figures").textContent = seen.rate
      ? say("figures", { sent: size(sent), total: size(total), rate: size(seen.rate), left: duration((total - sent) / seen.rate) })
      : say("begun", { sent: size(sent), total: size(total) });
    const tenth = Math.floor((10 * sent) / total);
    if (tenth > seen.told) {
      seen.told = tenth;
      part("spoken").textContent = say("percent", { percent: 10 * tenth });
    }
  };
};

const away = (error) => !navigator.onLine || (error.originalRequest && !error.originalResponse);

export const running = () => upload !== null;

export const send = (file) =>
  new Promise((resolve, reject) => {
    const end = (settle, result) => { upload = stop = null; waits = paused = false; settle(result); };
    stop = () => end(reject, null);
    upload = new tus.Upload(file, {
      endpoint: "/api/media",
      chunkSize: PIECE,
      retryDelays: [0, 1000, 3000, 10000],
      headers: { "X-CSRF-Token": csrf },
      metadata: { filename: file.name, filetype: file.type },
      fingerprint,
      removeFingerprintOnSuccess: true,
      onProgress: figures(),
      onShouldRetry: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        if (!status) tell(say("retrying"));
        return navigator.onLine && (status < 400 || status >= 500 || status === 409 || status === 423);
      },
      onChunkComplete: () => { if (!paused) tell(""); },
      onError: (error) => {
        if (!away(error)) return end(reject, error);
        waits = true;
        tell(say("offline"), { bad: true });
      },
      onSuccess: () => end(resolve, Number(upload.url.split("/").pop())),
    });
    upload.findPreviousUploads().then((known) => {
      if (!upload) return;
      if (known.length) upload.resumeFromPreviousUpload(known[0]);
      upload.start();
    });
  });

const goOn = () => {
  if (!upload || !waits || paused) return;
  waits = false;
  tell(say("online"));
  upload.start();
};
addEventListener("online", goOn);
setInterval(() => navigator.onLine && goOn(), 15000); // we were away, and not the network

export const pause = () => {
  paused = !paused;
  if (paused) upload.abort(); else upload.start();
  waits = false;
  return paused;
};

export const cancel = async () => {
  const ended = stop;
  try {
    await upload.abort(true);
  } catch {
    // what is left of it expires by itself
  }
  ended();
};

// Uploads of this person that a reload or a closed window has interrupted, with how much is there.
export const interrupted = async () => {
  const known = await tus.defaultOptions.urlStorage.findAllUploads();
  const found = await Promise.all(known.filter((one) => one.urlStorageKey.startsWith(`tus::${mine}`)).map(there));
  return found.filter(Boolean);
};

const there = async (one) => {
  let answer;
  try {
    answer = await fetch(one.uploadUrl, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } });
  } catch {
    return null; // not now
  }
  const forget = async () => {
    await tus.defaultOptions.urlStorage.removeUpload(one.urlStorageKey);
    await fetch(one.uploadUrl, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0", "X-CSRF-Token": csrf } });
  };
  if (!answer.ok) {
    await tus.defaultOptions.urlStorage.removeUpload(one.urlStorageKey);
    return null;
  }
  const sent = Number(answer.headers.get("Upload-Offset"));
  return { name: one.metadata.filename, sent, total: one.size, forget };
};
