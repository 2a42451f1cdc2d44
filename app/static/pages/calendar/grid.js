// The month as a grid with one stop for the Tab key: arrows go from day to day, also into the next month.
const DAY = 86_400_000; // milliseconds
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }; // days

const shiftDay = (text, days) => new Date(Date.parse(`${text}T00:00:00Z`) + days * DAY).toISOString().slice(0, 10);

export const initGrid = (region, moves) => {
  const dayLinks = () => [...region.querySelectorAll("a[data-day]")];

  const makeStop = (link) => {
    for (const each of dayLinks()) each.tabIndex = each === link ? 0 : -1;
  };

  const resetStop = () => {
    const links = dayLinks();
    makeStop(links.find((link) => link === document.activeElement)
      ?? region.querySelector(".chosen a[data-day]")
      ?? region.querySelector("a[data-day][aria-current]")
      ?? links[0]);
  };

  const goTo = (day, neighbour) => {
    const link = document.getElementById(`d-${day}`);
    if (link) {
      makeStop(link);
      return link.focus();
    }
    const url = new URL(document.getElementById(neighbour).href);
    url.searchParams.set("day", day);
    url.hash = `d-${day}`;
    location.assign(url);
  };

  const goToMonth = (neighbour) => {
    const url = new URL(document.getElementById(neighbour).href);
    url.hash = `d-${url.searchParams.get("day")}`;
    location.assign(url);
  };

  const goInWeek = (link, isEnd) => {
    const links = [...link.closest("tr").querySelectorAll("a[data-day]")];
    const target = isEnd ? links[links.length - 1] : links[0];
    makeStop(target);
    target.focus();
  };

  const handleDayKey = (event, link) => {
    if (event.key in STEPS) goTo(shiftDay(link.dataset.day, STEPS[event.key]), STEPS[event.key] < 0 ? "previous" : "next");
    else if (event.key === "PageUp" || event.key === "PageDown") goToMonth(event.key === "PageUp" ? "previous" : "next");
    else if (event.key === "Home" || event.key === "End") goInWeek(link, event.key === "End");
    else return;
    event.preventDefault();
  };

  region.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const link = event.target.closest("a[data-day]");
    if (link) return handleDayKey(event, link);
    const slot = event.target.closest("[data-move]");
    if (slot && event.key.toLowerCase() === "m") {
      event.preventDefault();
      moves.open(slot.dataset.move, { opener: event.target.id });
    }
  });
  region.addEventListener("focusin", (event) => {
    if (event.target.matches("a[data-day]")) makeStop(event.target);
  });
  region.addEventListener("content-replaced", resetStop);
  resetStop();
  if (location.hash.startsWith("#d-")) document.getElementById(location.hash.slice(1))?.focus();
};
