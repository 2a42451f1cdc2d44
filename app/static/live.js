// Keeps parts of the page up to date. An element names with data-live the URL of its content; the
// content says with data-refresh after how many seconds to fetch it again. Without data-refresh it is
// final. The new content is merged into the old: what did not change stays, with focus, scroll
// position and opened details. Only a changed [data-announce] is read out.
import { mergeChildren } from "./merge.js";

const MAX_MISSES = 5; // failed fetches that lengthen the interval
const MISSES_UNTIL_WARNING = 3;
const announcer = document.getElementById("announcer");
const warning = document.getElementById("connection-lost");
const timers = new Map();
const tags = new WeakMap(); // region → ETag of what it shows
let isPaused = false;
let lostSince = null;

const refreshSeconds = (region) => Number(region.querySelector("[data-refresh]")?.dataset.refresh ?? 0);
const announcement = (region) => region.querySelector("[data-announce]")?.textContent.trim();

const schedule = (region, misses = 0) => {
  clearTimeout(timers.get(region));
  const seconds = refreshSeconds(region);
  if (seconds) timers.set(region, setTimeout(() => refresh(region, misses), 1000 * seconds * (1 + misses)));
  else timers.delete(region);
};

const isChanged = (field) => {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.type === "hidden" || field.type === "file") return field.type === "file" && field.files.length > 0;
  if (field.tagName !== "SELECT") return field.value !== field.defaultValue;
  const fixed = [...field.options].filter((option) => option.defaultSelected);
  return fixed.length ? fixed.some((option) => !option.selected) : field.selectedIndex > 0;
};
const isBeingUsed = (region) =>
  region.querySelector("form[data-sent]")
  || document.querySelector("dialog[open]")
  || [...region.querySelectorAll("input, select, textarea")].some(isChanged);

const replaceContent = (region, html) => {
  const announced = announcement(region);
  const focused = region.contains(document.activeElement) ? document.activeElement : null;
  const selectors = focused ? [focused.id && `#${CSS.escape(focused.id)}`, focused.dataset.focusKey && `[data-focus-key="${focused.dataset.focusKey}"]`] : [];
  const template = document.createElement("template");
  template.innerHTML = html;
  mergeChildren(region, template.content);
  region.dispatchEvent(new CustomEvent("content-replaced", { bubbles: true }));
  if (focused) {
    // Merging may have made another thing of the focused element: what it was is searched first.
    const same = selectors.filter(Boolean).map((selector) => region.querySelector(selector)).find(Boolean);
    const successor = same || (focused.isConnected ? focused : document.getElementById("content"));
    if (document.activeElement !== successor) successor.focus({ preventScroll: true });
  }
  const text = announcement(region);
  if (text && text !== announced) announcer.textContent = text;
};

const noteMiss = (misses) => {
  lostSince ??= new Date();
  if (misses < MISSES_UNTIL_WARNING || !warning?.hidden) return;
  const { lang, dataset } = document.documentElement;
  const time = lostSince.toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit", timeZone: dataset.zone });
  warning.querySelector("time").textContent = time;
  warning.hidden = false;
  announcer.textContent = warning.textContent;
};
const noteAnswer = () => {
  lostSince = null;
  if (warning) warning.hidden = true;
};

const fetchContent = async (region) => {
  const query = region.dataset.query ? `?${region.dataset.query}` : "";
  const headers = { "X-Requested-With": "live" };
  if (tags.has(region)) headers["If-None-Match"] = tags.get(region);
  const response = await fetch(region.dataset.live + query, { headers, cache: "no-store" });
  if (response.redirected || response.status === 401 || response.status === 404) {
    location.reload(); // signed out meanwhile, or gone: the page itself says so
    return "";
  }
  if (response.status === 304) return "";
  if (!response.ok) throw new Error(`status ${response.status}`);
  if (response.headers.has("ETag")) tags.set(region, response.headers.get("ETag"));
  return response.text();
};

const refresh = async (region, misses = 0) => {
  if (!region.isConnected) return timers.delete(region);
  if (isPaused || document.hidden || isBeingUsed(region)) return schedule(region, misses);
  try {
    const html = await fetchContent(region);
    noteAnswer();
    if (html && !isBeingUsed(region)) replaceContent(region, html);
    else if (html) tags.delete(region);
  } catch {
    // The server cannot be reached, or fails: keep what is shown, and try again later.
    noteMiss(misses + 1);
    return schedule(region, Math.min(misses + 1, MAX_MISSES));
  }
  schedule(region);
};

const refreshAll = () => { for (const region of [...timers.keys()]) refresh(region); };
document.addEventListener("visibilitychange", () => { if (!document.hidden) refreshAll(); });
addEventListener("online", refreshAll);
document.addEventListener("countdown-ended", (event) => {
  const region = event.target.closest("[data-live]");
  if (region) setTimeout(() => refresh(region), 1000);
});
document.addEventListener("refresh-now", (event) => refresh(event.target));
document.addEventListener("toggle-updates", () => {
  isPaused = !isPaused;
  document.documentElement.toggleAttribute("data-paused", isPaused);
  if (!isPaused) refreshAll();
});

for (const region of document.querySelectorAll("[data-live]")) schedule(region);
