// Keeps parts of the page fresh. A part says with data-live where it comes from, and what stands in
// it says with data-next after how many seconds to look again; without data-next it has come to its
// end. Focus stays where it was, and only a changed [data-say] is read out.
(() => {
  const spoken = document.createElement("p");
  spoken.className = "unseen";
  spoken.setAttribute("role", "status");
  if (document.querySelector("[data-live]")) document.body.append(spoken);

  const seconds = (place) => Number(place.querySelector("[data-next]")?.dataset.next ?? 0);
  const timers = new Map();

  const plan = (place, misses = 0) => {
    clearTimeout(timers.get(place));
    const wait = seconds(place);
    if (wait) timers.set(place, setTimeout(() => look(place, misses), 1000 * wait * (1 + misses)));
  };

  const put = (place, text) => {
    if (text === place.shown) return;
    const said = place.querySelector("[data-say]")?.textContent;
    const focused = place.contains(document.activeElement) ? document.activeElement : null;
    const mark = focused && (focused.id ? `#${focused.id}` : focused.dataset.key ? `[data-key="${focused.dataset.key}"]` : null);
    const scrolled = [...place.querySelectorAll(".scroll")].map((part) => part.scrollLeft);
    place.innerHTML = text;
    place.shown = text;
    place.dispatchEvent(new CustomEvent("dressed", { bubbles: true }));
    place.querySelectorAll(".scroll").forEach((part, index) => { part.scrollLeft = scrolled[index] ?? 0; });
    if (focused) (mark && place.querySelector(mark) || document.getElementById("content")).focus({ preventScroll: true });
    const says = place.querySelector("[data-say]")?.textContent;
    if (says && says !== said) spoken.textContent = says;
  };

  const look = async (place, misses = 0) => {
    if (!place.isConnected) return;
    if (document.hidden || place.querySelector("dialog[open], form[data-sent]")) return plan(place, misses);
    try {
      const query = place.dataset.query ? `?${place.dataset.query}` : "";
      const answer = await fetch(place.dataset.live + query, { headers: { "X-Requested-With": "live" } });
      if (answer.redirected) return location.reload(); // signed out meanwhile
      if (answer.status === 404) return location.reload();
      if (!answer.ok) return plan(place, Math.min(misses + 1, 5));
      const text = await answer.text();
      if (!place.querySelector("dialog[open]")) put(place, text);
    } catch {
      // away for now: what is shown stays true as of its time, and the next look may succeed
      return plan(place, Math.min(misses + 1, 5));
    }
    plan(place);
  };

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) for (const place of timers.keys()) look(place);
  });
  addEventListener("online", () => { for (const place of timers.keys()) look(place); });
  document.addEventListener("over", (event) => {
    const place = event.target.closest("[data-live]");
    if (place) setTimeout(() => look(place), 1000);
  });
  document.addEventListener("look", (event) => look(event.target));

  for (const place of document.querySelectorAll("[data-live]")) {
    plan(place);
  }
})();
