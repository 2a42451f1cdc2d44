// The upload form: what is chosen decides what is shown; a file goes to us in resumable pieces, then
// the post is asked for, once. Without this script the page says so; nothing else needs a script.
import * as direct from "./upload/direct.js";
import * as preview from "./upload/preview.js";
import * as store from "./upload/store.js";
import { field, form, part, say, size, tell, value } from "./upload/words.js";

const CLEARED_AFTER = 3000;
const csrf = document.querySelector('meta[name="csrf-token"]').content;
const longest = JSON.parse(form.dataset.longest);
const mostBytes = Number(form.dataset.maxBytes);
const mostPhotos = Number(form.dataset.mostPhotos);
const submit = form.querySelector('button[type="submit"]');
let busy = false;
let key = crypto.randomUUID();

const isPhoto = () => value("media_type") === "PHOTO";
const isDirect = () => value("mode") === "DIRECT";
const isFile = () => !isPhoto() && value("source") === "FILE_UPLOAD";
const mostTitle = () => (isPhoto() ? longest.PHOTO : longest[value("mode")]);
const photos = () => value("photo_images").split(/\s+/).filter(Boolean);
const isAddress = (text) => /^https:\/\/\S+\.\S+/.test(text);

const show = () => {
  for (const place of form.querySelectorAll("[data-video-only]")) place.hidden = isPhoto();
  for (const place of form.querySelectorAll("[data-photo-only]")) place.hidden = !isPhoto();
  part("file").hidden = !isFile();
  part("url").hidden = isPhoto() || isFile();
  part("direct").hidden = !isDirect();
  part("inbox-hint").hidden = isDirect();
  part("agreement").hidden = !isDirect() || !direct.isReady();
  part("count").textContent = say("count", { used: value("title").length, most: mostTitle() });
  part("count").classList.toggle("over", value("title").length > mostTitle());
  const missing = isDirect() ? direct.missing() : "";
  part("not-yet").textContent = missing;
  part("not-yet").hidden = !missing || busy;
  submit.disabled = busy || Boolean(missing);
  submit.title = missing;
  submit.textContent = say(isDirect() ? "post" : "upload");
};

const faults = {
  title: () => (!value("title").trim() && say("noTitle")) || (value("title").length > mostTitle() && say("longTitle", { most: mostTitle() })),
  video: () => isFile() && wrongFile(field("video").files[0]),
  video_url: () => !isPhoto() && !isFile() && !isAddress(value("video_url").trim()) && say("noAddress"),
  photo_images: () => isPhoto() && ((photos().length > mostPhotos && say("manyPhotos", { most: mostPhotos })) || ((!photos().length || !photos().every(isAddress)) && say("noPhotos"))),
  photo_cover_index: () => isPhoto() && !(Number(value("photo_cover_index")) >= 1 && Number(value("photo_cover_index")) <= photos().length) && say("noCover"),
  publish_at: () => (field("publish_at").validity.badInput || (value("publish_at") && new Date(value("publish_at")) <= new Date())) && say("noTime"),
};

const wrongFile = (file) => {
  if (!file) return say("noFile");
  if (!file.type.startsWith("video/")) return say("noVideo");
  if (!file.size) return say("emptyFile");
  if (file.size > mostBytes) return say("largeFile", { size: size(file.size), most: size(mostBytes) });
  const most = isDirect() && direct.longest();
  return most && preview.length() > most ? say("longVideo", { seconds: Math.ceil(preview.length()), most }) : "";
};

// The first fault, read out and marked at its field.
const wrong = () => {
  let first = "";
  for (const [name, fault] of Object.entries(faults)) {
    const says = fault();
    field(name).toggleAttribute("aria-invalid", Boolean(says));
    if (says) field(name).setAttribute("aria-invalid", "true");
    first ||= says || "";
  }
  return first;
};

const wish = () => {
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
  if (isDirect()) Object.assign(body, direct.wishes(isPhoto()));
  if (isDirect() && !isPhoto() && value("cover")) body.video_cover_timestamp_ms = Math.round(1000 * Number(value("cover")));
  if (value("publish_at")) body.publish_at = new Date(value("publish_at")).toISOString();
  return body;
};

const ask = async (body) => {
  const answer = await fetch("/api/tiktok/upload", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf, "Idempotency-Key": key },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!said.success) throw Object.assign(new Error(said.error.code), { said: said.error });
  return said.data.id;
};

const why = (error) => {
  let said = error.said;
  try {
    said ??= JSON.parse(error.originalResponse.getBody()).error;
  } catch {
    // no answer of ours: said below
  }
  if (said?.code === "IDEMPOTENCY_MISMATCH") return say("changed");
  if (said) return [said.userMessage, said.suggestion].filter(Boolean).join(" ");
  return say(error instanceof TypeError || !navigator.onLine ? "network" : "generic");
};

const working = (on) => {
  busy = on;
  part("fields").inert = on;
  part("controls").hidden = !on || !store.running();
  part("progress").hidden = !on || !store.running();
  form.toggleAttribute("aria-busy", on);
  show();
};

const done = (id, body) => {
  const how = body.publish_at ? "doneLater" : isDirect() ? "doneDirect" : "doneInbox";
  tell(say(how), { good: true, link: { href: `${form.dataset.posts}/${id}`, text: say("follow") } });
  part("quota").dispatchEvent(new CustomEvent("look", { bubbles: true }));
  const sent = key;
  setTimeout(() => { if (key === sent && !busy) clear(); }, CLEARED_AFTER);
};

const clear = () => {
  const kept = { account: value("account_id"), mode: value("mode") };
  form.reset();
  field("account_id").value = kept.account;
  field("mode").value = kept.mode;
  key = crypto.randomUUID();
  preview.show(null, show);
  part("chosen").textContent = "";
  if (isDirect()) direct.ask(show);
  show();
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (busy) return;
  const fault = wrong();
  if (fault) return tell(fault, { bad: true });
  tell("");
  const body = wish();
  try {
    if (isFile()) {
      const sending = store.send(field("video").files[0]);
      part("bar").value = 0;
      part("figures").textContent = "";
      working(true);
      body.media_id = await sending;
      tell(say("asked"));
    }
    working(true);
    const id = await ask(body);
    working(false);
    done(id, body);
  } catch (error) {
    working(false);
    key = error?.said ? crypto.randomUUID() : key; // an unheard answer: the same wish once more is still one post
    tell(error === null ? say("cancelled") : why(error), { bad: error !== null });
  }
});

part("pause").addEventListener("click", () => {
  const paused = store.pause();
  part("pause").setAttribute("aria-pressed", String(paused));
  part("pause").textContent = say(paused ? "goOn" : "pause");
});
part("cancel").addEventListener("click", () => store.cancel());

const choose = () => {
  const file = field("video").files[0];
  part("chosen").textContent = file ? `${file.name}, ${size(file.size)}` : "";
  const fault = file && wrongFile(file);
  if (fault) tell(fault, { bad: true });
  preview.show(file, () => {
    show();
    const late = file && wrongFile(file);
    tell(late || "", { bad: Boolean(late) });
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
  const one = new DataTransfer();
  one.items.add(event.dataTransfer.files[0]);
  field("video").files = one.files;
  choose();
});
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault()); // beside the zone: no navigation

field("video").addEventListener("change", choose);
field("account_id").addEventListener("change", () => {
  part("quota").dataset.query = `account_id=${value("account_id")}`;
  part("quota").dispatchEvent(new CustomEvent("look", { bubbles: true }));
  if (isDirect()) direct.ask(show);
});
form.querySelectorAll('[name="mode"]').forEach((radio) => radio.addEventListener("change", () => {
  if (isDirect()) direct.ask(show);
  show();
}));
form.addEventListener("input", (event) => {
  event.target.removeAttribute("aria-invalid");
  show();
});
addEventListener("beforeunload", (event) => { if (busy) event.preventDefault(); });

const remembered = async () => {
  const found = await store.interrupted();
  const list = document.querySelector('[data-part="interrupted-list"]');
  list.replaceChildren(...found.map((one) => {
    const line = document.createElement("li");
    line.className = "row tight";
    const button = Object.assign(document.createElement("button"), { type: "button", className: "plain small", textContent: say("forget", { name: one.name }) });
    button.addEventListener("click", async () => { await one.forget(); remembered(); });
    line.append(Object.assign(document.createElement("span"), { textContent: say("part", { name: one.name, sent: size(one.sent), total: size(one.total) }) }), button);
    return line;
  }));
  document.querySelector('[data-part="interrupted"]').hidden = !found.length;
};

part("quota").dataset.query = `account_id=${value("account_id")}`;
if (isDirect()) direct.ask(show);
show();
remembered();
