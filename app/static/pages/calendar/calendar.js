// The calendar: keys, dragging and the dialog that moves a post. Without this script every post has a
// link to a page that moves it.
import { initDrag } from "./drag.js";
import { initGrid } from "./grid.js";
import { initMoves } from "./moves.js";

const region = document.getElementById("calendar");
const moves = initMoves(region);
initGrid(region, moves);
initDrag(region, moves);

for (const form of document.querySelectorAll("form[data-submits-itself]")) {
  form.querySelector("button").hidden = true;
  form.addEventListener("change", () => form.requestSubmit());
}
