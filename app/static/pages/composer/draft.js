import { csrf, form, formatTime, message, part, pathPrefix } from "./form.js";

// The draft: stored some seconds after the last change, under the version that this window has read. If
// another window has changed it meanwhile, nothing is overwritten.

const SAVE_DELAY = 2000; // milliseconds after the last change
const NOT_KEPT = new Set(["csrf_token", "composition", "action"]);
let saveTimer = null;
let version = Number(form.dataset.version);
let stored = null;
let isStopped = false;

const readFields = () => [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !NOT_KEPT.has(name));
const hasContent = (fields) => fields.some(([name, value]) => value.trim() && /^(text|media_id|media_url|addresses)/.test(name));

const readTitle = () => {
  const name = form.querySelector('[data-file-part="stored-name"]')?.value ?? "";
  return (document.getElementById("text").value.trim().split("\n")[0] || name).trim().slice(0, 100);
};

const say = (text, isBad = false) => {
  part("draft-state").textContent = text;
  part("draft-state").classList.toggle("error", isBad);
};

const save = async () => {
  const fields = readFields();
  const content = JSON.stringify({ title: readTitle(), payload: { fields } });
  if (isStopped || content === stored || !hasContent(fields)) return;
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf };
  if (version) headers["If-Match"] = `"${version}"`;
  let response;
  try {
    response = await fetch(pathPrefix + form.dataset.draftUrl, { method: "PUT", headers, body: content });
  } catch {
    return say(message("unsaved"), true);
  }
  if (response.status === 412) {
    isStopped = true;
    return say(message("conflict"), true);
  }
  if (!response.ok) return say(message("unsaved"), true);
  version = (await response.json()).data.version;
  stored = content;
  if (location.pathname !== new URL(form.dataset.pageUrl, location.href).pathname) history.replaceState(null, "", form.dataset.pageUrl);
  say(message("saved", { time: formatTime(new Date()) }));
};

export const scheduleSave = () => {
  clearTimeout(saveTimer);
  saveTimer = setTimeout(save, SAVE_DELAY);
};

export const stopSaving = () => {
  isStopped = true;
  clearTimeout(saveTimer);
};
