// The caption: one for all accounts, or an own one for a platform. A platform's tab shows the shared text
// until something is typed there. Counters count as the platform does.
import { form, formatNumber, message, part, reportChange } from "./context.js";
import { chosenBlocks, kindOf } from "./blocks.js";

const tabs = [...part("text-tabs").querySelectorAll("[data-tab]")];
const panelOf = (name) => form.querySelector(`[data-panel="${name}"]`);
const shared = document.getElementById("text");
const ownText = (platform) => document.getElementById(`text-${platform}`);
const ownBox = (platform) => form.querySelector(`[data-own-text="${platform}"]`);

export const textFor = (platform) => (ownBox(platform)?.checked ? ownText(platform) : shared).value.trim();

const select = (name, shouldFocus = false) => {
  for (const tab of tabs) {
    const isSelected = tab.dataset.tab === name;
    tab.setAttribute("aria-selected", String(isSelected));
    tab.tabIndex = isSelected ? 0 : -1;
    panelOf(tab.dataset.tab).hidden = !isSelected;
    if (isSelected && shouldFocus) tab.focus();
  }
};

const LENGTHS = { utf16: (text) => text.length, characters: (text) => [...text].length };
const countMatches = (text, pattern) => (text.match(pattern) ?? []).length;
const HASHTAGS = /(?<![\p{L}\p{N}_&])#[\p{L}\p{N}_]+/gu;
const MENTIONS = /(?<![\p{L}\p{N}_@])@[\p{L}\p{N}_.]+/gu;

const showCount = (element, block) => {
  const kind = kindOf(block);
  const text = textFor(block.dataset.platform);
  const length = LENGTHS[kind.textUnit](text);
  const counts = [[length, kind.maxText, "count"]];
  if (kind.maxHashtags !== null) counts.push([countMatches(text, HASHTAGS), kind.maxHashtags, "hashtags"]);
  if (kind.maxMentions !== null) counts.push([countMatches(text, MENTIONS), kind.maxMentions, "mentions"]);
  const shown = counts.filter(([used], index) => index === 0 || used > 0);
  element.querySelector("[data-count-text]").textContent = shown.map(([used, max, key]) => message(key, { used: formatNumber(used), max: formatNumber(max) })).join(", ");
  element.classList.toggle("over", counts.some(([used, max]) => used > max));
};

export const updateTexts = () => {
  const blocks = chosenBlocks();
  const platforms = new Set(blocks.map((block) => block.dataset.platform));
  for (const tab of tabs) {
    const name = tab.dataset.tab;
    if (name === "all") continue;
    tab.hidden = !platforms.has(name);
    for (const mark of tab.querySelectorAll("[data-edited]")) mark.hidden = !ownBox(name).checked;
    if (!ownBox(name).checked) ownText(name).value = shared.value;
    if (tab.hidden && tab.getAttribute("aria-selected") === "true") select("all");
  }
  for (const element of part("counts").querySelectorAll("[data-count]")) {
    const block = blocks.find((each) => each.dataset.platform === element.dataset.count);
    element.hidden = !block || !kindOf(block);
    if (!element.hidden) showCount(element, block);
  }
};

export const startTexts = () => {
  part("text-tabs").hidden = false;
  part("text-tabs").addEventListener("click", (event) => {
    const tab = event.target.closest("[data-tab]");
    if (tab) select(tab.dataset.tab);
  });
  part("text-tabs").addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const shown = tabs.filter((tab) => !tab.hidden);
    const index = shown.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
    select(shown[(index + step + shown.length) % shown.length].dataset.tab, true);
  });
  for (const box of form.querySelectorAll("[data-own-text]")) {
    const name = box.dataset.ownText;
    ownText(name).addEventListener("input", () => { box.checked = true; reportChange(); });
    box.addEventListener("change", reportChange);
  }
  select("all");
};
