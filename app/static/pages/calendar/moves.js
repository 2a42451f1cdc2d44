// Moves a post: at once after a drag, or from the dialog. The server decides about the time, says in
// words what became of it, and which time brings it back.
const TOAST_TIME = 10_000; // milliseconds
const PREVIEW_DELAY = 300; // milliseconds after the last change
const ANSWER_CLASSES = { possible: "quiet", full: "wait" };

export const initMoves = (region) => {
  const dialog = document.getElementById("move-dialog");
  const texts = document.getElementById("calendar-texts").dataset;
  let previewTimer = null;
  let previewing = new AbortController();
  const token = document.querySelector('meta[name="csrf-token"]').content;

  const send = async (url, fields) => {
    const body = new URLSearchParams({ csrf_token: token, ...fields });
    try {
      const response = await fetch(url, { method: "POST", body, headers: { Accept: "application/json" } });
      if (response.redirected || response.status === 401) location.reload(); // signed out meanwhile
      return response.ok ? await response.json() : { state: "refused", text: texts.failed };
    } catch {
      return { state: "refused", text: texts.offline };
    }
  };

  const refresh = () => region.dispatchEvent(new CustomEvent("refresh-now", { bubbles: true }));

  const showToast = (text, undo) => {
    const toast = document.createElement("div");
    toast.className = "toast";
    toast.append(Object.assign(document.createElement("span"), { textContent: text }));
    if (undo) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "button ghost small", textContent: texts.undo });
      button.addEventListener("click", () => { toast.remove(); undo(); });
      toast.append(button);
    }
    document.getElementById("toasts").replaceChildren(toast);
    let timer = null;
    const start = () => { timer = setTimeout(() => toast.remove(), TOAST_TIME); };
    const stop = () => clearTimeout(timer);
    for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, stop);
    for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, start);
    start();
  };

  const report = (url, answer) => {
    const undo = answer.undo && (async () => report(url, await send(url, { at: answer.undo, anyway: "1" })));
    showToast(answer.text, undo);
    refresh();
  };

  const place = (opener) => {
    const box = document.getElementById(opener)?.getBoundingClientRect();
    if (!box || innerWidth < 768) return;
    const [width, height] = [dialog.offsetWidth, dialog.offsetHeight];
    Object.assign(dialog.style, { margin: "0", right: "auto", bottom: "auto" });
    dialog.style.left = `${Math.max(16, Math.min(box.left, innerWidth - width - 16))}px`;
    dialog.style.top = `${Math.max(16, Math.min(box.bottom + 8, innerHeight - height - 16))}px`;
  };

  const showAnswer = (answer) => {
    const element = dialog.querySelector("[data-move-answer]");
    element.className = `move-answer ${ANSWER_CLASSES[answer.state] ?? "bad"}`;
    element.textContent = answer.text;
    dialog.querySelector("[data-move-anyway]").hidden = answer.state !== "full";
  };

  const stopPreview = () => {
    clearTimeout(previewTimer);
    previewing.abort();
  };

  const open = async (url, { opener, date = "", time = "", answer = null }) => {
    const query = new URLSearchParams({ part: "1", date, time });
    const response = await fetch(`${url}?${query}`).catch(() => null);
    if (!response?.ok || response.redirected) return location.assign(url);
    const content = await response.text();
    stopPreview();
    dialog.innerHTML = content;
    dialog.dataset.opener = opener;
    dialog.dataset.url = url;
    if (!dialog.open) dialog.showModal();
    place(opener);
    if (answer) showAnswer(answer);
    else preview();
    dialog.querySelector(answer ? "[data-move-anyway]:not([hidden])" : "#move-date")?.focus();
  };

  const save = async (slot, fields) => {
    const [url, opener] = [slot.dataset.move, slot.querySelector(".chip").id];
    slot.querySelector(".chip").classList.add("moving");
    slot.setAttribute("aria-busy", "true");
    const answer = await send(url, fields);
    slot.querySelector(".chip").classList.remove("moving");
    slot.removeAttribute("aria-busy");
    if (answer.state === "full" || answer.state === "invalid") {
      return open(url, { opener, date: fields.date, time: fields.time || slot.dataset.time, answer });
    }
    report(url, answer);
  };

  dialog.addEventListener("submit", async (event) => {
    event.preventDefault();
    stopPreview();
    const { url } = dialog.dataset;
    const answer = await send(url, Object.fromEntries(new FormData(event.target, event.submitter)));
    const isStillOpen = dialog.open && dialog.dataset.url === url; // it may have been closed meanwhile
    if (isStillOpen && (answer.state === "full" || answer.state === "invalid")) return showAnswer(answer);
    if (isStillOpen) dialog.close();
    report(url, answer);
  });
  dialog.addEventListener("click", (event) => {
    if (!event.target.closest("[data-move-cancel]") && event.target !== dialog) return;
    event.preventDefault();
    dialog.close();
  });
  dialog.addEventListener("close", () => {
    stopPreview();
    document.getElementById(dialog.dataset.opener)?.focus();
    dialog.replaceChildren();
  });
  // Shows what the server would do with this time, unless another time is asked for or the dialog closed
  // before it answers.
  const preview = async () => {
    previewing = new AbortController();
    const { signal } = previewing;
    const query = new URLSearchParams(["date", "time"].map((name) => [name, dialog.querySelector(`#move-${name}`).value]));
    const response = await fetch(`${dialog.dataset.url}/forecast?${query}`, { signal }).catch(() => null);
    const answer = response?.ok && !response.redirected ? await response.json().catch(() => null) : null;
    if (answer && !signal.aborted) showAnswer(answer);
  };
  dialog.addEventListener("input", () => {
    dialog.querySelector("[data-move-anyway]").hidden = true;
    stopPreview();
    previewTimer = setTimeout(preview, PREVIEW_DELAY);
  });
  region.addEventListener("click", (event) => {
    const link = event.target.closest(".mover, [data-moves-post]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(link.href, { opener: link.id });
  });

  return { open, save };
};
