// TikTok's upload form: shows the fields that fit what is chosen, uploads the file in resumable chunks, then
// requests the post once. Without this script the page says so; nothing else needs a script.
import { isReady, loadOptions, maxDuration, notReadyReason, requestFields } from "./direct_options.js";
import { field, form, formatSize, message, part, showMessage, value } from "../../upload/form.js";
import { createKey, csrf, enableForm, pathPrefix } from "../../upload/page_context.js";
import { publishTime, publishTimeError } from "../../upload/publish_time.js";
import { previewDuration, showPreview } from "./preview.js";
import { cancelUpload, findInterruptedUploads, isUploading, togglePause, uploadFile } from "../../upload/tus_upload.js";

const CLEAR_DELAY = 3000; // milliseconds after success
const maxLengths = JSON.parse(form.dataset.maxLengths);
const maxBytes = Number(form.dataset.maxBytes);
const maxPhotos = Number(form.dataset.maxPhotos);
const submit = form.querySelector('button[type="submit"]');
let busy = false;
let idempotencyKey = createKey();

const isPhoto = () => value("media_type") === "PHOTO";
const isDirect = () => value("mode") === "DIRECT";
const isFile = () => !isPhoto() && value("source") === "FILE_UPLOAD";
const maxTitle = () => (isPhoto() ? maxLengths.PHOTO : maxLengths[value("mode")]);
const photos = () => value("photo_images").split(/\s+/).filter(Boolean);
const isUrl = (text) => /^https:\/\/\S+\.\S+/.test(text);

const updateForm = () => {
  for (const element of form.querySelectorAll("[data-video-only]")) element.hidden = isPhoto();
  for (const element of form.querySelectorAll("[data-photo-only]")) element.hidden = !isPhoto();
  part("file").hidden = !isFile();
  part("url").hidden = isPhoto() || isFile();
  part("direct").hidden = !isDirect();
  part("inbox-hint").hidden = isDirect();
  part("agreement").hidden = !isDirect() || !isReady();
  part("count").textContent = message("count", { used: value("title").length, max: maxTitle() });
  part("count").classList.toggle("over", value("title").length > maxTitle());
  const reason = isDirect() ? notReadyReason() : "";
  part("not-ready").textContent = reason;
  part("not-ready").hidden = !reason || busy;
  submit.disabled = busy || Boolean(reason);
  submit.title = reason;
  submit.textContent = message(isDirect() ? "post" : "upload");
};

// Per field: the error text, or a false value if the field is valid.
const fieldChecks = {
  title: () => (!value("title").trim() && message("noTitle")) || (value("title").length > maxTitle() && message("titleTooLong", { max: maxTitle() })),
  video: () => isFile() && fileError(field("video").files[0]),
  video_url: () => !isPhoto() && !isFile() && !isUrl(value("video_url").trim()) && message("noUrl"),
  photo_images: () => isPhoto() && ((photos().length > maxPhotos && message("tooManyPhotos", { max: maxPhotos })) || ((!photos().length || !photos().every(isUrl)) && message("noPhotos"))),
  photo_cover_index: () => isPhoto() && !(Number(value("photo_cover_index")) >= 1 && Number(value("photo_cover_index")) <= photos().length) && message("noCover"),
  publish_at: publishTimeError,
};

const fileError = (file) => {
  if (!file) return message("noFile");
  if (file.type && !/^(video|application)\//.test(file.type)) return message("notAVideo"); // no type: the bytes decide, on the server
  if (!file.size) return message("emptyFile");
  if (file.size > maxBytes) return message("fileTooLarge", { size: formatSize(file.size), max: formatSize(maxBytes) });
  const max = isDirect() && maxDuration();
  return max && previewDuration() > max ? message("videoTooLong", { seconds: Math.ceil(previewDuration()), max }) : "";
};

// Marks all invalid fields and returns the first error.
const checkFields = () => {
  let first = "";
  for (const [name, check] of Object.entries(fieldChecks)) {
    const error = check();
    field(name).toggleAttribute("aria-invalid", Boolean(error));
    if (error) field(name).setAttribute("aria-invalid", "true");
    first ||= error || "";
  }
  return first;
};

const requestBody = () => {
  const body = {
    source: isFile() ? "FILE_UPLOAD" : "PULL_FROM_URL",
    title: value("title").trim(),
    mode: value("mode"),
    account_id: Number(value("account_id")),
  };
  if (isPhoto()) {
    Object.assign(body, { media_type: "PHOTO", photo_images: photos(), photo_cover_index: Number(value("photo_cover_index")) - 1 });
    if (value("description").trim()) body.description = value("description").trim();
  } else if (!isFile()) body.videoUrl = value("video_url").trim();
  if (isDirect()) Object.assign(body, requestFields(isPhoto()));
  if (isDirect() && !isPhoto() && value("cover")) body.video_cover_timestamp_ms = Math.round(1000 * Number(value("cover")));
  if (publishTime()) body.publish_at = publishTime();
  return body;
};

const requestPost = async (body) => {
  const response = await fetch(`${pathPrefix}/api/tiktok/upload`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf, "Idempotency-Key": idempotencyKey },
    body: JSON.stringify(body),
  });
  const result = await response.json();
  if (!result.success) throw Object.assign(new Error(result.error.code), { apiError: result.error });
  return result.data.id;
};

const errorText = (error) => {
  let apiError = error.apiError;
  try {
    apiError ??= JSON.parse(error.originalResponse.getBody()).error;
  } catch {
    // not an answer of our API: the texts below are used
  }
  if (apiError?.code === "IDEMPOTENCY_MISMATCH") return message("changed");
  if (apiError) return [apiError.userMessage, apiError.suggestion].filter(Boolean).join(" ");
  return message(error instanceof TypeError || !navigator.onLine ? "network" : "generic");
};

const setBusy = (on) => {
  busy = on;
  part("fields").inert = on;
  part("controls").hidden = !on || !isUploading();
  part("progress").hidden = !on || !isUploading();
  form.toggleAttribute("aria-busy", on);
  updateForm();
};

const showSuccess = (id, body) => {
  const key = body.publish_at ? "doneLater" : isDirect() ? "doneDirect" : "doneInbox";
  showMessage(message(key), { good: true, link: { href: `${form.dataset.postsUrl}/${id}`, text: message("follow") } });
  part("quota").dispatchEvent(new CustomEvent("refresh-now", { bubbles: true }));
  const sentKey = idempotencyKey;
  setTimeout(() => { if (idempotencyKey === sentKey && !busy) clearForm(); }, CLEAR_DELAY);
};

const clearForm = () => {
  const kept = { account: value("account_id"), mode: value("mode") };
  form.reset();
  field("account_id").value = kept.account;
  field("mode").value = kept.mode;
  idempotencyKey = createKey();
  showPreview(null, updateForm);
  part("chosen").textContent = "";
  if (isDirect()) loadOptions(updateForm);
  updateForm();
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (busy) return;
  const error = checkFields();
  if (error) return showMessage(error, { bad: true });
  showMessage("");
  const body = requestBody();
  try {
    if (isFile()) {
      const uploading = uploadFile(field("video").files[0]);
      part("bar").value = 0;
      part("progress-text").textContent = "";
      setBusy(true);
      body.media_id = await uploading;
      showMessage(message("requesting"));
    }
    setBusy(true);
    const id = await requestPost(body);
    setBusy(false);
    showSuccess(id, body);
  } catch (error) {
    setBusy(false);
    // If no answer arrived, the key is kept: repeating the same request still makes one post.
    if (error?.apiError) idempotencyKey = createKey();
    showMessage(error === null ? message("cancelled") : errorText(error), { bad: error !== null });
  }
});

part("pause").addEventListener("click", () => {
  const paused = togglePause();
  part("pause").setAttribute("aria-pressed", String(paused));
  part("pause").textContent = message(paused ? "resume" : "pause");
});
part("cancel").addEventListener("click", () => cancelUpload());

const showChosenFile = () => {
  const file = field("video").files[0];
  part("chosen").textContent = file ? `${file.name}, ${formatSize(file.size)}` : "";
  const error = file && fileError(file);
  if (error) showMessage(error, { bad: true });
  showPreview(file, () => {
    updateForm();
    const previewError = file && fileError(file); // now that the duration is known
    showMessage(previewError || "", { bad: Boolean(previewError) });
  });
};

const drop = part("drop");
for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (!event.dataTransfer.files.length) return;
  const transfer = new DataTransfer();
  transfer.items.add(event.dataTransfer.files[0]);
  field("video").files = transfer.files;
  showChosenFile();
});
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault()); // a file dropped elsewhere must not replace the page

field("video").addEventListener("change", showChosenFile);
field("account_id").addEventListener("change", () => {
  part("quota").dataset.query = `account_id=${value("account_id")}`;
  part("quota").dispatchEvent(new CustomEvent("refresh-now", { bubbles: true }));
  if (isDirect()) loadOptions(updateForm);
});
form.querySelectorAll('[name="mode"]').forEach((radio) => radio.addEventListener("change", () => {
  if (isDirect()) loadOptions(updateForm);
  updateForm();
}));
form.addEventListener("input", (event) => {
  event.target.removeAttribute("aria-invalid");
  updateForm();
});
addEventListener("beforeunload", (event) => { if (busy) event.preventDefault(); });

const listInterruptedUploads = async () => {
  const uploads = await findInterruptedUploads();
  const list = document.querySelector('[data-part="interrupted-list"]');
  list.replaceChildren(...uploads.map((upload) => {
    const line = document.createElement("li");
    line.className = "row tight";
    const button = Object.assign(document.createElement("button"), { type: "button", className: "plain small", textContent: message("discard", { name: upload.name }) });
    button.addEventListener("click", async () => { await upload.discard(); listInterruptedUploads(); });
    line.append(Object.assign(document.createElement("span"), { textContent: message("interrupted", { name: upload.name, sent: formatSize(upload.sent), total: formatSize(upload.total) }) }), button);
    return line;
  }));
  document.querySelector('[data-part="interrupted"]').hidden = !uploads.length;
};

part("quota").dataset.query = `account_id=${value("account_id")}`;
if (isDirect()) loadOptions(updateForm);
enableForm(form);
updateForm();
listInterruptedUploads();
