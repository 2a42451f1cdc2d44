// Sentences in the reader's language, as the page brought them; figures as that language writes them.
export const form = document.querySelector("form[data-upload]");
export const part = (name) => form.querySelector(`[data-part="${name}"]`);
export const field = (name) => form.elements.namedItem(name);
export const value = (name) => field(name)?.value ?? "";

const words = JSON.parse(form.dataset.words);
const lang = document.documentElement.lang;
const unit = (name, digits) =>
  new Intl.NumberFormat(lang, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits });
const sizes = [[1e9, unit("gigabyte", 2)], [1e6, unit("megabyte", 1)], [1, unit("kilobyte", 0)]];

export const say = (key, values = {}) =>
  words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

export const size = (bytes) => {
  const [least, written] = sizes.find(([least]) => bytes >= least) ?? sizes.at(-1);
  return written.format(least === 1 ? Math.ceil(bytes / 1e3) : bytes / least);
};

export const duration = (seconds) => {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
};

export const tell = (text, { bad = false, good = false, link = null } = {}) => {
  const box = part("message");
  box.hidden = !text;
  box.className = `message${bad ? " bad" : ""}${good ? " good" : ""}`;
  box.setAttribute("role", bad ? "alert" : "status");
  box.textContent = text;
  if (link) {
    const onward = Object.assign(document.createElement("a"), { href: link.href, textContent: link.text });
    box.append(" ", onward);
  }
  if (bad || good) box.focus();
};
