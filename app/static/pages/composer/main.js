import { firstLocal, hasFailed, longestSeconds, mediaTypes } from "./file_list.js";
import { isUploading, startFiles } from "./files.js";
import { announce, form, formBody, formatNumber, message, part, postForm, reportChange } from "./form.js";

// The settings of each account: shown for the chosen ones, with the fields that fit the kind of post.
// What an account allows is loaded from the server whenever its own block asks for it.

const boxes = () => [...form.querySelectorAll('[name="account"]')];
const holderOf = (key) => form.querySelector(`[data-block-holder="${CSS.escape(key)}"]`);
const rules = new Map(); // key of an account → the functions of its platform's own script

const chosenKeys = () => boxes().filter((box) => box.checked).map((box) => box.value);
const blockOf = (key) => holderOf(key)?.querySelector("[data-block]");
const chosenBlocks = () => chosenKeys().map(blockOf).filter(Boolean);

const kindsOf = (block) => JSON.parse(block.dataset.kindList);

const accepts = (kind, types) => {
  if (types.length < kind.min || types.length > kind.max) return false;
  return types.every((type) => !type || kind.accept.includes(`${type}/*`));
};

// The kind of the post as it is now; before there are files, the first one.
const kindOf = (block) => {
  const kinds = kindsOf(block);
  if (block.dataset.kindName) return kinds.find((kind) => kind.name === block.dataset.kindName);
  const chosen = block.querySelector('[name$=".kind"]:checked')?.value;
  const fitting = kinds.filter((kind) => accepts(kind, mediaTypes()));
  return kinds.find((kind) => kind.name === chosen) ?? fitting[0] ?? kinds[0];
};

const updateGeneralBlock = (block) => {
  const types = mediaTypes();
  for (const label of block.querySelectorAll("[data-kind]")) {
    const kind = kindsOf(block).find((each) => each.name === label.dataset.kind);
    const radio = label.querySelector("input");
    label.hidden = types.length > 0 && !accepts(kind, types);
    if (label.hidden && radio.checked) block.querySelector("[data-auto-kind] input").checked = true;
  }
  const kind = kindOf(block);
  for (const field of block.querySelectorAll(".field[data-kinds]")) {
    const kinds = field.dataset.kinds.split(" ").filter(Boolean);
    field.hidden = kinds.length > 0 && !kinds.includes(kind.name);
  }
};

const loadBlock = async (block) => {
  const key = block.dataset.block;
  if (block.dataset.isLoading) return;
  block.dataset.isLoading = "yes";
  let html = null;
  try {
    const response = await postForm(form.dataset.blockUrl.replace("KEY", encodeURIComponent(key)));
    if (response.ok && !response.redirected) html = await response.text();
  } catch {
    // without an answer the block stays as it is, and the check says what is missing
  }
  delete block.dataset.isLoading;
  if (html === null || !block.isConnected) return;
  holderOf(key).innerHTML = html;
  holderOf(key).dispatchEvent(new CustomEvent("content-replaced", { bubbles: true }));
  reportChange();
};

const updateBlocks = () => {
  const chosen = chosenKeys();
  part("no-settings").hidden = chosen.length > 0;
  for (const box of boxes()) {
    const holder = holderOf(box.value);
    if (!holder) continue;
    holder.hidden = !box.checked;
    const consent = form.querySelector(`[data-consent="${CSS.escape(box.value)}"]`);
    if (consent) consent.hidden = !box.checked;
    if (!box.checked) continue;
    const block = blockOf(box.value);
    const own = rules.get(block.dataset.script);
    if (own) own.updateBlock(block, { types: mediaTypes(), consent, load: () => loadBlock(block) });
    else if (!block.dataset.script) updateGeneralBlock(block);
  }
  const platforms = new Set(chosenBlocks().map((block) => block.dataset.platform));
  for (const group of form.querySelectorAll("[data-platform-fields]")) group.hidden = !platforms.has(group.dataset.platformFields);
};

// Why a platform demands that the button is disabled; empty if none does.
const stopReason = () => {
  const stopped = chosenBlocks().find((block) => block.dataset.stop);
  return stopped ? stopped.dataset.stop : "";
};

const startBlocks = async () => {
  const scripts = new Set([...form.querySelectorAll("[data-script]")].map((block) => block.dataset.script));
  await Promise.all([...scripts].map(async (script) => rules.set(script, await import(script))));
  updateBlocks();
};

// The caption: one for all accounts, or an own one for a platform. A platform's tab shows the shared text
// until something is typed there. Counters count as the platform does.

const tabs = [...part("text-tabs").querySelectorAll("[data-tab]")];
const panelOf = (name) => form.querySelector(`[data-panel="${name}"]`);
const shared = document.getElementById("text");
const ownText = (platform) => document.getElementById(`text-${platform}`);
const ownBox = (platform) => form.querySelector(`[data-own-text="${platform}"]`);

const textFor = (platform) => (ownBox(platform)?.checked ? ownText(platform) : shared).value.trim();

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

const updateTexts = () => {
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

const startTexts = () => {
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

// The preview: roughly how the post looks on a platform, with the file as this browser has it.

const SHOWN_CHARACTERS = 90;
let platform = null;
let shownUrl = null;

const showMedia = () => {
  const local = firstLocal();
  const url = local?.url ?? null;
  if (url === shownUrl) return;
  shownUrl = url;
  const isVideo = local?.file.type.startsWith("video/");
  const isImage = local?.file.type.startsWith("image/");
  const [player, picture] = [part("player"), part("picture")];
  player.hidden = !isVideo;
  picture.hidden = !isImage;
  if (isVideo) player.src = url; else player.removeAttribute("src");
  if (isImage) picture.src = url; else picture.removeAttribute("src");
};

const updatePreview = () => {
  const blocks = chosenBlocks();
  part("preview").hidden = !blocks.length;
  const block = blocks.find((each) => each.dataset.platform === platform) ?? blocks[0];
  for (const button of part("preview-tabs").querySelectorAll("[data-preview]")) {
    button.hidden = !blocks.some((each) => each.dataset.platform === button.dataset.preview);
    button.setAttribute("aria-pressed", String(button.dataset.preview === block?.dataset.platform));
  }
  if (!block) return;
  const text = [...textFor(block.dataset.platform)];
  part("preview-name").textContent = block.dataset.accountName;
  part("preview-text").textContent = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS).join("")} …` : text.join("");
  part("preview-hint").textContent = message("previewHint", { name: block.querySelector("summary").textContent.split(",")[0].trim() });
  showMedia();
};

const startPreview = () => {
  for (const media of [part("player"), part("picture")]) media.addEventListener("error", () => { media.hidden = true; }); // the platform may accept what this browser cannot show
  part("preview-tabs").addEventListener("click", (event) => {
    platform = event.target.closest("[data-preview]")?.dataset.preview ?? platform;
    updatePreview();
  });
};

// The checks: asked for after each change of the form, by the same rules as when it is sent.

const CHECK_DELAY = 600; // milliseconds after the last change
let checkTimer = null;
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

const scheduleCheck = () => {
  clearTimeout(checkTimer);
  checkTimer = setTimeout(check, CHECK_DELAY);
};

// The composer: brings its parts together, keeps the button true, and sends the form once.

const send = part("send");
let isSending = false;

const updateButton = () => {
  const count = chosenKeys().length;
  const isLater = form.elements.when.value === "later";
  const key = (isLater ? "schedule" : "publish") + (count > 1 ? "Many" : "One");
  const reason = stopReason() || (isUploading() || hasFailed() ? message("waitForFiles") : "");
  part("stop").textContent = reason;
  part("stop").hidden = !reason;
  send.disabled = isSending || Boolean(reason);
  send.title = reason;
  if (!isSending) send.textContent = message(key, { count });
  part("later").hidden = !isLater;
};

const update = () => {
  form.dataset.longestSeconds = longestSeconds();
  updateBlocks();
  updateTexts();
  updatePreview();
  updateButton();
};

// What stores the draft is loaded with the first change.
let firstFields = null;
let draft = null;
const readAll = () => formBody().toString();
const scheduleSave = () => {
  if (firstFields === null || (!draft && readAll() === firstFields)) return;
  draft ??= import("./draft.js");
  draft.then((loaded) => loaded.scheduleSave(), () => { draft = null; });
};

const handleChange = () => {
  update();
  scheduleCheck();
  scheduleSave();
};

const chooseTime = (event) => {
  const chip = event.target.closest("[data-day]");
  if (!chip) return;
  form.elements.day.value = chip.dataset.day;
  form.elements.clock.value = chip.dataset.clock;
  handleChange();
};

const showTurn = () => {
  const isTwice = part("checks").querySelector("[data-twice]") !== null;
  part("turn").hidden = !isTwice;
  if (!isTwice) form.elements.turn.checked = false;
};

form.addEventListener("submit", (event) => {
  const action = event.submitter?.value ?? "send";
  if (action !== "check") draft?.then((loaded) => loaded.stopSaving());
  if (action !== "send") return;
  if (isSending || isUploading()) return event.preventDefault();
  isSending = true;
  send.setAttribute("aria-disabled", "true");
  send.textContent = part("progress").textContent = message("sending");
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); }); // back from what was sent

// Enter in a field would press the first button of the page, which closes the form.
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches('input:not([type="file"])')) event.preventDefault();
});
form.addEventListener("input", handleChange);
form.addEventListener("composer-changed", handleChange);
part("checks").addEventListener("content-replaced", showTurn);
part("suggestions").addEventListener("click", chooseTime);
part("suggestions").hidden = false;
part("check").hidden = true;

startTexts();
startPreview();
startFiles();
await startBlocks();
firstFields = readAll();
update();
scheduleCheck();
part("no-script").hidden = true;
form.dataset.isReady = "yes";
