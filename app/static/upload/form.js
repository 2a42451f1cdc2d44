// Access to the upload form: its parts and fields, its texts in the reader's language, which the page
// brings along, and numbers formatted for that language.
export const form = document.querySelector("form[data-upload]");
export const part = (name) => form.querySelector(`[data-part="${name}"]`);
export const field = (name) => form.elements.namedItem(name);
export const value = (name) => field(name)?.value ?? "";

const messages = JSON.parse(form.dataset.messages);
const lang = document.documentElement.lang;
const unitFormat = (name, digits) =>
  new Intl.NumberFormat(lang, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits });
const SIZE_UNITS = [[1e9, unitFormat("gigabyte", 2)], [1e6, unitFormat("megabyte", 1)], [1, unitFormat("kilobyte", 0)]];

export const message = (key, values = {}) =>
  messages[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

export const formatSize = (bytes) => {
  const [minimum, format] = SIZE_UNITS.find(([minimum]) => bytes >= minimum) ?? SIZE_UNITS.at(-1);
  return format.format(minimum === 1 ? Math.ceil(bytes / 1e3) : bytes / minimum);
};

export const formatDuration = (seconds) => {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
};

export const showMessage = (text, { bad = false, good = false, link = null } = {}) => {
  const box = part("message");
  box.hidden = !text;
  box.className = `message${bad ? " bad" : ""}${good ? " good" : ""}`;
  box.setAttribute("role", bad ? "alert" : "status");
  box.textContent = text;
  if (link) {
    const anchor = Object.assign(document.createElement("a"), { href: link.href, textContent: link.text });
    box.append(" ", anchor);
  }
  if (bad || good) box.focus();
};
