// The media items of the post: added, removed and put in order by buttons, each with a preview. What
// an item needs is checked here only to help; the API checks the request.
import { message, part } from "../upload/form.js";
import { readFields, showFieldsOf } from "./fields.js";

const list = part("items");
const template = document.querySelector('[data-part="item-template"]');
let lastNumber = 0; // makes the names of radio buttons unique

const itemPart = (item, name) => item.querySelector(`[data-item-part="${name}"]`);
const fileInput = (item) => itemPart(item, "file").querySelector("input");
const urlInput = (item) => itemPart(item, "url").querySelector("input");
const isFile = (item) => item.querySelector('input[type="radio"]:checked').value === "file";
const announce = (key, values) => { part("announcement").textContent = message(key, values); };

export const items = () => [...list.children];

const makeItem = () => {
  const item = template.content.cloneNode(true).querySelector("[data-item]");
  lastNumber += 1;
  for (const radio of item.querySelectorAll('input[type="radio"]')) radio.name = `source-${lastNumber}`;
  return item;
};

// Numbers the items and shows what fits the kind: which files, which fields, which buttons.
const arrange = (kind) => {
  const all = items();
  for (const [index, item] of all.entries()) {
    const number = index + 1;
    itemPart(item, "title").textContent = message("item", { number });
    itemPart(item, "file").hidden = !isFile(item);
    itemPart(item, "url").hidden = isFile(item);
    itemPart(item, "order").hidden = kind.max === 1;
    fileInput(item).accept = kind.accept;
    const [up, down] = item.querySelectorAll("[data-move]");
    const remove = item.querySelector("[data-remove]");
    up.disabled = index === 0;
    down.disabled = index === all.length - 1;
    remove.disabled = all.length <= kind.min;
    up.setAttribute("aria-label", message("moveUp", { number }));
    down.setAttribute("aria-label", message("moveDown", { number }));
    remove.setAttribute("aria-label", message("remove", { number }));
    showFieldsOf(item, kind);
    for (const field of item.querySelectorAll("[data-for-urls]")) field.hidden ||= isFile(item);
  }
  part("add").hidden = kind.max === 1;
  part("add").disabled = all.length >= kind.max;
  part("item-count").textContent = kind.max > 1 ? message("itemCount", { count: all.length, max: kind.max }) : "";
};

// Keeps as many items as the kind takes.
export const showItemsOf = (kind) => {
  while (items().length < kind.min) list.append(makeItem());
  while (items().length > kind.max) list.lastElementChild.remove();
  arrange(kind);
};

export const clearItems = () => list.replaceChildren();

export const addItem = (kind) => {
  const item = list.appendChild(makeItem());
  arrange(kind);
  announce("added", { number: items().length });
  fileInput(item).focus();
};

const moveItem = (item, step, kind) => {
  const index = items().indexOf(item) + step;
  if (step < 0) item.previousElementSibling.before(item); else item.nextElementSibling.after(item);
  arrange(kind);
  const button = item.querySelector(`[data-move="${step}"]`);
  (button.disabled ? item.querySelector("[data-move]:not(:disabled)") : button).focus();
  announce("moved", { number: index + 1 });
};

const removeItem = (item, kind) => {
  (item.nextElementSibling ?? item.previousElementSibling)?.querySelector("input").focus();
  item.remove();
  arrange(kind);
  announce("removed");
};

export const handleClick = (event, kind) => {
  const item = event.target.closest("[data-item]");
  const button = event.target.closest("button");
  if (!item || !button) return;
  if (button.dataset.move) moveItem(item, Number(button.dataset.move), kind);
  else if ("remove" in button.dataset) removeItem(item, kind);
};

const showPreview = (item, file) => {
  const [image, video] = itemPart(item, "preview").querySelectorAll("img, video");
  if (video.src) URL.revokeObjectURL(video.src);
  image.hidden = video.hidden = itemPart(item, "preview").hidden = true;
  image.removeAttribute("src");
  video.removeAttribute("src");
  if (!file) return;
  const isVideo = file.type.startsWith("video/");
  const shown = isVideo ? video : image;
  shown.onerror = () => { itemPart(item, "preview").hidden = true; };
  const show = (source) => { shown.src = source; shown.hidden = itemPart(item, "preview").hidden = false; };
  if (isVideo) return show(URL.createObjectURL(file));
  if (!file.type.startsWith("image/")) return;
  const reader = new FileReader(); // images may come from data: addresses, not from blob:
  reader.onload = () => show(reader.result);
  reader.readAsDataURL(file);
};

export const handleChange = (event, kind) => {
  const item = event.target.closest("[data-item]");
  if (!item) return;
  arrange(kind);
  const source = isFile(item) ? fileInput(item).files[0] : null;
  if (event.target.type === "file" || event.target.type === "radio") showPreview(item, source);
};

// Only what is surely of another kind is refused here: the server judges the bytes.
const doesFit = (file, accept) => {
  const [kind] = file.type.toLowerCase().split("/");
  return !["audio", "font", "image", "text", "video"].includes(kind) || accept.split(",").some((type) => type.trim().startsWith(`${kind}/`));
};

const itemError = (item, number, kind) => {
  if (!isFile(item)) return /^https:\/\/\S+\.\S+/.test(urlInput(item).value.trim()) ? "" : message("noUrl", { number });
  const file = fileInput(item).files[0];
  if (!file) return message("noFile", { number });
  if (!doesFit(file, kind.accept)) return message("wrongType", { number });
  return file.size ? "" : message("emptyFile", { number });
};

// Marks the inputs of wrong items and returns the first error.
export const findItemError = (kind) => {
  let first = items().length < kind.min ? message("tooFew", { min: kind.min }) : "";
  for (const [index, item] of items().entries()) {
    const error = itemError(item, index + 1, kind);
    const input = isFile(item) ? fileInput(item) : urlInput(item);
    if (error) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
    first ||= error;
  }
  return first;
};

// The items as the request wants them; `file` is still to be uploaded.
export const readItems = (kind) =>
  items().map((item) => ({
    file: isFile(item) ? fileInput(item).files[0] : null,
    url: isFile(item) ? "" : urlInput(item).value.trim(),
    role: kind.role,
    ...readFields(item, "item"),
  }));
