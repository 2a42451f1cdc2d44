// What every page can do with a script and does without one too: dialogs instead of a page of their
// own, times in the reader's zone, countdowns, buttons that can be pressed once.
(() => {
  const lang = navigator.languages.find((each) => each.startsWith(document.documentElement.lang))
    ?? document.documentElement.lang; // with its country, where the browser names one
  const exact = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "medium" });

  const localTimes = (root) => {
    for (const time of root.querySelectorAll("time[data-local]")) {
      time.title = time.textContent.trim();
      time.textContent = exact.format(new Date(time.dateTime));
      time.removeAttribute("data-local");
    }
  };

  const span = (seconds) => {
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
    if (hours) return `${hours} h ${minutes} min`;
    return minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
  };

  const countDown = () => {
    for (const place of document.querySelectorAll("[data-until]")) {
      const left = Math.max(0, Math.ceil((new Date(place.dataset.until) - Date.now()) / 1000));
      place.textContent = span(left);
      if (!left && !place.dataset.over) {
        place.dataset.over = "1";
        place.dispatchEvent(new CustomEvent("over", { bubbles: true }));
      }
    }
  };

  const faces = (root) => {
    for (const face of root.querySelectorAll("img[data-face]")) {
      face.addEventListener("error", () => face.remove());
      if (face.complete && !face.naturalWidth) face.remove();
    }
  };

  const dress = (root) => {
    localTimes(root);
    faces(root);
    countDown();
    for (const button of root.querySelectorAll("[data-copies]")) button.hidden = !navigator.clipboard;
  };

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    const dialog = opener && document.getElementById(opener.dataset.opens);
    if (dialog?.showModal) {
      event.preventDefault();
      dialog.showModal();
    }
    event.target.closest("[data-closes]")?.closest("dialog").close();

    const busy = event.target.closest("a[data-busy]");
    if (busy && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      if (busy.getAttribute("aria-disabled") === "true") return event.preventDefault();
      busy.dataset.was = busy.textContent;
      busy.textContent = busy.dataset.busy;
      busy.setAttribute("aria-disabled", "true");
    }

    const copier = event.target.closest("[data-copies]");
    if (copier) {
      navigator.clipboard.writeText(document.getElementById(copier.dataset.copies).textContent)
        .then(() => { copier.textContent = copier.dataset.said; })
        .catch(() => getSelection().selectAllChildren(document.getElementById(copier.dataset.copies)));
    }
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-once]")) return;
    if (event.target.dataset.sent) return event.preventDefault();
    event.target.dataset.sent = "1";
    for (const button of event.target.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  });

  // Back from another page: whatever was busy is not so any more.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const busy of document.querySelectorAll("a[data-busy][aria-disabled]")) {
      busy.textContent = busy.dataset.was;
      busy.removeAttribute("aria-disabled");
    }
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
    }
  });

  document.addEventListener("dressed", (event) => dress(event.target));
  dress(document);
  setInterval(countDown, 1000);
})();
