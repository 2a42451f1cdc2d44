// The publishing form of any platform: shows the fields that fit the kind of post, uploads the files one
// after the other, requests the post once and shows how far it is.
import { extraMedia, invalidPeople, readFields, showFieldsOf } from "./publish/fields.js";
import { addItem, clearItems, findItemError, handleChange, handleClick, readItems, showItemsOf } from "./publish/items.js";
import { field, form, message, part, showMessage, value } from "./upload/form.js";
import { createKey, csrf, enableForm, pathPrefix } from "./upload/page_context.js";
import { publishTime, publishTimeError } from "./upload/publish_time.js";
import { cancelUpload, isUploading, uploadFile } from "./upload/tus_upload.js";

const kinds = JSON.parse(form.dataset.kinds);
const reasons = JSON.parse(form.dataset.reasons); // code of a refused file → what to say
const submit = form.querySelector('button[type="submit"]');
const follow = document.querySelector('[data-part="follow"]');
const uploaded = new WeakMap(); // file → its id, so that a second attempt does not send it again
let busy = false;
let idempotencyKey = createKey();

const kind = () => kinds.find((each) => each.name === value("kind"));
const target = () => {
  const option = field("target").selectedOptions[0];
  return { [option.dataset.name]: Number(option.value) };
};
const countMatches = (pattern) => (value("caption").match(pattern) ?? []).length;
const captionLength = () => (kind().textUnit === "utf16" ? value("caption").length : [...value("caption")].length);
const countHashtags = () => countMatches(/(?<![\p{L}\p{N}_&])#[\p{L}\p{N}_]+/gu);
const countMentions = () => countMatches(/(?<![\p{L}\p{N}_@])@[\p{L}\p{N}_.]+/gu);

const showCount = (name, key, used, max) => {
  part(name).textContent = max ? message(key, { used, max }) : "";
  part(name).classList.toggle("over", Boolean(max) && used > max);
};

const updateCounts = () => {
  showCount("count", "count", captionLength(), kind().maxText);
  showCount("hashtags", "hashtags", countHashtags(), kind().maxHashtags);
  showCount("mentions", "mentions", countMentions(), kind().maxMentions);
};

const updateForm = () => {
  showItemsOf(kind());
  showFieldsOf(part("options"), kind());
  part("options").hidden = ![...part("options").querySelectorAll("[data-field]")].some((each) => !each.hidden);
  part("caption-box").hidden = !kind().maxText;
  updateCounts();
};

const captionError = () => {
  const { maxText, maxHashtags, maxMentions } = kind();
  if (!maxText) return "";
  if (captionLength() > maxText) return message("captionTooLong", { max: maxText });
  if (maxHashtags && countHashtags() > maxHashtags) return message("tooManyHashtags", { max: maxHashtags });
  return maxMentions && countMentions() > maxMentions ? message("tooManyMentions", { max: maxMentions }) : "";
};

const mark = (control, error) => {
  if (error) control.setAttribute("aria-invalid", "true"); else control.removeAttribute("aria-invalid");
  return error;
};

const findError = () => {
  const wrong = invalidPeople(form);
  if (wrong) wrong.setAttribute("aria-invalid", "true");
  return findItemError(kind()) || mark(field("caption"), captionError())
    || (wrong ? message("badPeople") : "") || mark(field("publish_at"), publishTimeError());
};

const uploadOnce = async (file, number) => {
  if (!uploaded.has(file)) {
    part("bar-label").textContent = message("sending", { number });
    part("bar").value = 0;
    part("progress-text").textContent = "";
    const sending = uploadFile(file);
    setBusy(true);
    uploaded.set(file, await sending);
  }
  return uploaded.get(file);
};

const prepareMedia = async () => {
  const media = [...readItems(kind()), ...extraMedia(form)];
  const prepared = [];
  for (const [index, { file, url, ...fields }] of media.entries()) {
    prepared.push({ ...(file ? { media_id: await uploadOnce(file, index + 1) } : { url }), ...fields });
  }
  return prepared;
};

const requestBody = async () => {
  const body = { platform: form.dataset.platform, ...target(), kind: kind().name, media: await prepareMedia(), options: readFields(form, "post") };
  if (kind().maxText && value("caption").trim()) body.text = value("caption").trim();
  if (publishTime()) body.publish_at = publishTime();
  return body;
};

const requestPost = async (body) => {
  const response = await fetch(`${pathPrefix}/api/posts`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf, "Idempotency-Key": idempotencyKey, Prefer: "respond-async" },
    body: JSON.stringify(body),
  });
  const result = await response.json();
  if (!result.success) throw Object.assign(new Error(result.error.code), { apiError: result.error, isRefused: response.status < 500 });
  return result.data.id;
};

// What is wrong with which field: `media.1.url` is said of item 2.
const fieldText = ([name, sentence]) => {
  const item = /^media\.(\d+)(?:\.(.*))?$/.exec(name);
  const place = item ? [message("item", { number: Number(item[1]) + 1 }), item[2]].filter(Boolean).join(", ") : name;
  return `${place}: ${sentence}`;
};

const errorText = (error) => {
  let apiError = error.apiError;
  try {
    apiError ??= JSON.parse(error.originalResponse.getBody()).error;
  } catch {
    // not an answer of our API: the texts below are used
  }
  if (apiError?.code === "IDEMPOTENCY_MISMATCH") return message("changed");
  if (!apiError) return message(error instanceof TypeError || !navigator.onLine ? "network" : "generic");
  const reason = reasons[apiError.details?.reason];
  if (reason) return apiError.details.item === undefined ? reason : `${message("item", { number: apiError.details.item + 1 })}: ${reason}`;
  const fields = Object.entries(apiError.details?.fields ?? {}).map(fieldText);
  return [apiError.userMessage, apiError.suggestion, ...fields].filter(Boolean).join(" ");
};

const setBusy = (on) => {
  busy = on;
  part("fields").inert = on;
  part("progress").hidden = part("cancel").hidden = !on || !isUploading();
  submit.disabled = on;
  form.toggleAttribute("aria-busy", on);
};

const showPost = (id, body) => {
  const url = `${form.dataset.postsUrl}/${id}`;
  showMessage(message(body.publish_at ? "doneLater" : "done"), { good: true, link: { href: url, text: message("follow") } });
  follow.hidden = false;
  follow.dataset.live = `${url}/state`;
  follow.dataset.query = "part=verdict";
  follow.dispatchEvent(new CustomEvent("refresh-now", { bubbles: true }));
  part("quota").dispatchEvent(new CustomEvent("refresh-now", { bubbles: true }));
  const kept = { target: value("target"), kind: value("kind") };
  form.reset();
  field("target").value = kept.target;
  field("kind").value = kept.kind;
  idempotencyKey = createKey();
  clearItems();
  updateForm();
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (busy) return;
  const error = findError();
  if (error) return showMessage(error, { bad: true });
  showMessage("");
  setBusy(true);
  try {
    const body = await requestBody();
    setBusy(true);
    showPost(await requestPost(body), body);
  } catch (problem) {
    if (problem === null) showMessage(message("cancelled"));
    else showMessage(errorText(problem), { bad: true });
    if (problem?.isRefused) idempotencyKey = createKey(); // nothing was stored: the next request is another one
  } finally {
    setBusy(false);
  }
});

part("items").addEventListener("click", (event) => handleClick(event, kind()));
part("items").addEventListener("change", (event) => handleChange(event, kind()));
part("add").addEventListener("click", () => addItem(kind()));
part("cancel").addEventListener("click", () => cancelUpload());
form.querySelectorAll('[name="kind"]').forEach((radio) => radio.addEventListener("change", updateForm));
form.addEventListener("input", (event) => {
  event.target.removeAttribute("aria-invalid");
  updateCounts();
});
const showQuota = () => {
  part("quota").dataset.query = new URLSearchParams(target()).toString();
  part("quota").dispatchEvent(new CustomEvent("refresh-now", { bubbles: true }));
};
field("target").addEventListener("change", showQuota);
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault()); // a file dropped elsewhere must not replace the page
addEventListener("beforeunload", (event) => { if (busy) event.preventDefault(); });

part("quota").dataset.query = new URLSearchParams(target()).toString();
enableForm(form);
updateForm();
