// Keeps a part of the page fresh: fetches it anew until what it shows has come to its end.
(() => {
  const pause = 1500;
  const refresh = async (place) => {
    try {
      const answer = await fetch(place.dataset.live, { headers: { "X-Requested-With": "live" } });
      if (answer.ok) place.innerHTML = await answer.text();
    } catch {
      // the next look may succeed; what is shown stays true as of its time
    }
    if (!place.querySelector("[data-final]")) setTimeout(() => refresh(place), pause);
  };
  document.querySelectorAll("[data-live]").forEach((place) => {
    if (!place.querySelector("[data-final]")) setTimeout(() => refresh(place), pause);
  });
})();
