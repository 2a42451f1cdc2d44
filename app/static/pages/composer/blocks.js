// The settings of each account: shown for the chosen ones, with the fields that fit the kind of post.
// What an account allows is loaded from the server whenever its own block asks for it.
import { form, part, postForm, reportChange } from "./context.js";
import { mediaTypes } from "./files.js";

const boxes = () => [...form.querySelectorAll('[name="account"]')];
const holderOf = (key) => form.querySelector(`[data-block-holder="${CSS.escape(key)}"]`);
const rules = new Map(); // key of an account → the functions of its platform's own script

export const chosenKeys = () => boxes().filter((box) => box.checked).map((box) => box.value);
export const blockOf = (key) => holderOf(key)?.querySelector("[data-block]");
export const chosenBlocks = () => chosenKeys().map(blockOf).filter(Boolean);

const kindsOf = (block) => JSON.parse(block.dataset.kindList);

const accepts = (kind, types) => {
  if (types.length < kind.min || types.length > kind.max) return false;
  return types.every((type) => !type || kind.accept.includes(`${type}/*`));
};

// The kind of the post as it is now; before there are files, the first one.
export const kindOf = (block) => {
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

export const updateBlocks = () => {
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
export const stopReason = () => {
  const stopped = chosenBlocks().find((block) => block.dataset.stop);
  return stopped ? stopped.dataset.stop : "";
};

export const startBlocks = async () => {
  const scripts = new Set([...form.querySelectorAll("[data-script]")].map((block) => block.dataset.script));
  await Promise.all([...scripts].map(async (script) => rules.set(script, await import(script))));
  updateBlocks();
};
