// The checks: asked for after each change of the form, by the same rules as when it is sent.
import { announce, form, message, part, postForm } from "./context.js";

const CHECK_DELAY = 600; // milliseconds after the last change
let timer = null;
let running = null;
let lastCount = null;

const check = async () => {
  running?.abort();
  running = new AbortController();
  let html = null;
  try {
    const response = await postForm(form.dataset.checksUrl, running.signal);
    if (response.redirected) return location.reload(); // signed out
    if (response.ok) html = await response.text();
  } catch (error) {
    if (error.name === "AbortError") return;
  }
  if (html === null) {
    part("checks").textContent = message("checksUnavailable");
    return;
  }
  part("checks").innerHTML = html;
  part("checks").dispatchEvent(new CustomEvent("content-replaced", { bubbles: true }));
  const count = Number(part("checks").querySelector("[data-faults]").dataset.faults);
  const text = count ? message("faults", { count }) : message("nothingToFix");
  part("quick-state").textContent = text;
  if (lastCount !== null && count !== lastCount) announce(text);
  lastCount = count;
};

export const scheduleCheck = () => {
  clearTimeout(timer);
  timer = setTimeout(check, CHECK_DELAY);
};
