// Behaviour of all pages; each works without scripts too. Dialogs instead of separate pages,
// countdowns, copy buttons, forms that are submitted only once, details that close, toasts.
(() => {
  const formatDuration = (seconds) => {
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
    if (hours) return `${hours} h ${minutes} min`;
    return minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
  };

  const updateCountdowns = () => {
    for (const countdown of document.querySelectorAll("[data-until]")) {
      const left = Math.max(0, Math.ceil((new Date(countdown.dataset.until) - Date.now()) / 1000));
      countdown.textContent = formatDuration(left);
      if (!left && !countdown.dataset.ended) {
        countdown.dataset.ended = "1";
        countdown.dispatchEvent(new CustomEvent("countdown-ended", { bubbles: true }));
      }
    }
  };

  const removeBrokenAvatars = (root) => {
    for (const image of root.querySelectorAll("img[data-avatar]")) {
      image.addEventListener("error", () => image.remove());
      if (image.complete && !image.naturalWidth) image.remove();
    }
  };

  const enhance = (root) => {
    removeBrokenAvatars(root);
    updateCountdowns();
    for (const button of root.querySelectorAll("[data-copy-from]")) button.hidden = !navigator.clipboard;
  };

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens-dialog]");
    const dialog = opener && document.getElementById(opener.dataset.opensDialog);
    if (dialog?.showModal) {
      event.preventDefault();
      dialog.showModal();
    }
    event.target.closest("[data-closes-dialog]")?.closest("dialog").close();

    const busy = event.target.closest("a[data-busy]");
    if (busy && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      if (busy.getAttribute("aria-disabled") === "true") return event.preventDefault();
      busy.dataset.idleText = busy.textContent;
      busy.textContent = busy.dataset.busy;
      busy.setAttribute("aria-disabled", "true");
    }

    const copier = event.target.closest("[data-copy-from]");
    if (copier) {
      navigator.clipboard.writeText(document.getElementById(copier.dataset.copyFrom).textContent)
        .then(() => { copier.textContent = copier.dataset.copiedText; })
        .catch(() => getSelection().selectAllChildren(document.getElementById(copier.dataset.copyFrom)));
    }
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-submit-once]")) return;
    if (event.target.dataset.sent) return event.preventDefault();
    event.target.dataset.sent = "1";
    for (const button of event.target.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
    const busy = event.submitter?.closest("[data-busy-text]");
    if (busy) {
      busy.dataset.idleText = busy.textContent;
      busy.textContent = busy.dataset.busyText;
    }
  });

  const TOAST_TIMES = { plain: 6000, action: 10000 }; // milliseconds
  // Shows the result of an action; it stays while the pointer or the focus is on it. detail: text,
  // and action, an element that undoes it.
  document.addEventListener("toast", ({ detail: { text, action } }) => {
    const toast = document.createElement("div");
    toast.className = "toast";
    toast.append(text);
    if (action) toast.append(action);
    document.getElementById("toasts").replaceChildren(toast);
    let timer = 0;
    const hold = () => clearTimeout(timer);
    const release = () => {
      hold();
      timer = setTimeout(() => toast.remove(), action ? TOAST_TIMES.action : TOAST_TIMES.plain);
    };
    for (const type of ["pointerenter", "focusin"]) toast.addEventListener(type, hold);
    for (const type of ["pointerleave", "focusout"]) toast.addEventListener(type, release);
    release();
  });

  for (const field of document.querySelectorAll("[data-time-zone]")) {
    field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  }
  for (const button of document.querySelectorAll("[data-reveals]")) {
    const field = document.getElementById(button.dataset.reveals);
    button.hidden = false;
    button.addEventListener("click", () => {
      const isShown = field.type === "password";
      field.type = isShown ? "text" : "password";
      button.setAttribute("aria-pressed", String(isShown));
    });
  }
  document.querySelector("[data-error-summary]")?.focus();

  const closeDetails = (except) => {
    for (const open of document.querySelectorAll("details[data-closes-outside][open]")) if (!open.contains(except)) open.open = false;
  };
  document.addEventListener("click", (event) => closeDetails(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const opened = document.activeElement?.closest("details[data-closes-outside][open]");
    closeDetails(null);
    opened?.querySelector("summary").focus();
  });

  // The page is shown again from the back-forward cache: reset links and forms that were busy.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const busy of document.querySelectorAll("a[data-busy][aria-disabled]")) {
      busy.textContent = busy.dataset.idleText;
      busy.removeAttribute("aria-disabled");
    }
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
      for (const button of form.querySelectorAll("[data-idle-text]")) button.textContent = button.dataset.idleText;
    }
  });

  document.addEventListener("content-replaced", (event) => enhance(event.target));
  enhance(document);
  setInterval(updateCountdowns, 1000);
})();
