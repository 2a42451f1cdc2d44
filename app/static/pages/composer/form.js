// Access to the composer's form: its parts, its texts in the reader's language, which the page brings
// along, and numbers formatted for that language.
export const form = document.getElementById("composer");
export const part = (name) => form.querySelector(`[data-part="${name}"]`) ?? document.querySelector(`[data-part="${name}"]`);
export const csrf = document.querySelector('meta[name="csrf-token"]').content;
export const pathPrefix = document.querySelector('meta[name="path-prefix"]').content;

// What this user's interrupted uploads are stored under in the browser.
export const fingerprintPrefix = `signalpost-${form.dataset.user}-`;

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
