import { formatNumber, message, part, reportChange } from "./form.js";

// The list of files: a card for each, in the order in which they are published.

export const list = part("files");
export const localFiles = new Map(); // card → what the browser has of it: its file, and a URL to show it
export const uploads = new Map(); // card → its upload until it has ended; null before it begins

export const cards = () => [...list.children];
export const cardPart = (card, name) => card.querySelector(`[data-file-part="${name}"]`);
export const hasFailed = () => cards().some((card) => card.classList.contains("bad"));
export const firstLocal = () => localFiles.get(cards()[0]) ?? null;
export const mediaTypes = () => cards().map((card) => card.dataset.type);
export const longestSeconds = () => Math.max(0, ...cards().map((card) => Number(card.dataset.seconds) || 0));

export const nameOf = (card) => cardPart(card, "name").textContent;

export const arrange = () => {
  const all = cards();
  for (const [index, card] of all.entries()) {
    const values = { name: nameOf(card), number: index + 1 };
    const [up, down] = card.querySelectorAll("[data-move]");
    cardPart(card, "buttons").hidden = false;
    cardPart(card, "alt").hidden = card.dataset.type === "video";
    up.disabled = index === 0;
    down.disabled = index === all.length - 1;
    up.hidden = down.hidden = all.length < 2;
    up.setAttribute("aria-label", message("moveUp", values));
    down.setAttribute("aria-label", message("moveDown", values));
    card.querySelector("[data-remove]").setAttribute("aria-label", message("remove", values));
  }
  part("file-count").textContent = all.length > 1 ? message("fileCount", { count: formatNumber(all.length) }) : "";
  reportChange();
};

export const showStatus = (card, text, isBad = false) => {
  cardPart(card, "status").textContent = text;
  card.classList.toggle("bad", isBad);
};
