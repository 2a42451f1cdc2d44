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

export const formatSize = (bytes) => {
  const [minimum, format] = SIZE_UNITS.find(([least]) => bytes >= least) ?? SIZE_UNITS.at(-1);
  return format.format(minimum === 1 ? Math.ceil(bytes / 1e3) : bytes / minimum);
};

export const formatDuration = (seconds) => {
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
