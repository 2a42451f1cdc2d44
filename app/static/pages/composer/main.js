// The composer: brings its parts together, keeps the button true, and sends the form once.
import { form, message, part } from "./context.js";
import { chosenKeys, startBlocks, stopReason, updateBlocks } from "./blocks.js";
import { scheduleCheck } from "./checks.js";
import { scheduleSave, startDrafts, stopSaving } from "./drafts.js";
import { hasFailed, isUploading, longestSeconds, startFiles } from "./files.js";
import { startPreview, updatePreview } from "./preview.js";
import { startTexts, updateTexts } from "./texts.js";

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
  if (action !== "check") stopSaving();
  if (action !== "send") return;
  if (isSending || isUploading()) return event.preventDefault();
  isSending = true;
  send.setAttribute("aria-disabled", "true");
  send.textContent = part("progress").textContent = message("sending");
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); }); // back from what was sent

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
startDrafts();
update();
scheduleCheck();
form.dataset.isReady = "yes";
