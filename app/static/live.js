// Keeps parts of the page up to date. An element names with data-live the URL of its content; the
// content says with data-refresh after how many seconds to fetch it again. Without data-refresh it is
// final. Focus and scroll positions are kept, and only a changed [data-announce] is read out.
(() => {
  const MAX_MISSES = 5; // failed fetches that lengthen the interval
  const announcer = document.getElementById("announcer");

  const refreshSeconds = (region) => Number(region.querySelector("[data-refresh]")?.dataset.refresh ?? 0);
  const announcement = (region) => region.querySelector("[data-announce]")?.textContent;
  const timers = new Map();

  const schedule = (region, misses = 0) => {
    clearTimeout(timers.get(region));
    const seconds = refreshSeconds(region);
    if (seconds) timers.set(region, setTimeout(() => refresh(region, misses), 1000 * seconds * (1 + misses)));
  };

  const focusSelector = (element) => {
    if (element.id) return `#${element.id}`;
    return element.dataset.focusKey ? `[data-focus-key="${element.dataset.focusKey}"]` : null;
  };

  const replaceContent = (region, html) => {
    if (html === region.shownHtml) return;
    const announced = announcement(region);
    const focused = region.contains(document.activeElement) ? document.activeElement : null;
    const selector = focused && focusSelector(focused);
    const scrollPositions = [...region.querySelectorAll(".scroll")].map((part) => part.scrollLeft);
    region.innerHTML = html;
    region.shownHtml = html;
    region.dispatchEvent(new CustomEvent("content-replaced", { bubbles: true }));
    region.querySelectorAll(".scroll").forEach((part, index) => { part.scrollLeft = scrollPositions[index] ?? 0; });
    if (focused) (selector && region.querySelector(selector) || document.getElementById("content")).focus({ preventScroll: true });
    const text = announcement(region);
    if (text && text !== announced) announcer.textContent = text;
  };

  const refresh = async (region, misses = 0) => {
    if (!region.isConnected) return;
    if (document.hidden || region.querySelector("dialog[open], form[data-sent]")) return schedule(region, misses);
    try {
      const query = region.dataset.query ? `?${region.dataset.query}` : "";
      const response = await fetch(region.dataset.live + query, { headers: { "X-Requested-With": "live" } });
      if (response.redirected) return location.reload(); // signed out meanwhile
      if (response.status === 404) return location.reload();
      if (!response.ok) return schedule(region, Math.min(misses + 1, MAX_MISSES));
      const html = await response.text();
      if (!region.querySelector("dialog[open]")) replaceContent(region, html);
    } catch {
      // The server cannot be reached: keep what is shown, and try again later.
      return schedule(region, Math.min(misses + 1, MAX_MISSES));
    }
    schedule(region);
  };

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) for (const region of timers.keys()) refresh(region);
  });
  addEventListener("online", () => { for (const region of timers.keys()) refresh(region); });
  document.addEventListener("countdown-ended", (event) => {
    const region = event.target.closest("[data-live]");
    if (region) setTimeout(() => refresh(region), 1000);
  });
  document.addEventListener("refresh-now", (event) => refresh(event.target));

  for (const region of document.querySelectorAll("[data-live]")) schedule(region);
})();
