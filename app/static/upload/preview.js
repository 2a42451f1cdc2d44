// The chosen video, shown before it is sent, and its cover frame. Nothing leaves the machine here.
import { field, part } from "./words.js";

let address = null;
let seconds = null;

export const length = () => seconds;

export const show = (file, changed) => {
  if (address) URL.revokeObjectURL(address);
  address = seconds = null;
  const player = part("player");
  part("preview").hidden = true;
  part("slider").hidden = true;
  field("cover").removeAttribute("max");
  if (!file || !file.type.startsWith("video/") || !file.size) return player.removeAttribute("src");
  address = URL.createObjectURL(file);
  player.onloadedmetadata = () => {
    seconds = Number.isFinite(player.duration) ? player.duration : null;
    part("preview").hidden = false;
    if (seconds !== null) {
      part("slider").max = field("cover").max = seconds.toFixed(1);
      part("slider").hidden = false;
    }
    changed();
  };
  player.onerror = () => { part("preview").hidden = true; }; // TikTok may know what this browser does not
  player.src = address;
};

const seek = (to) => {
  if (seconds === null || part("preview").hidden) return;
  part("player").pause();
  part("player").currentTime = Math.min(to, seconds);
};

part("slider").addEventListener("input", () => {
  field("cover").value = part("slider").value;
  seek(Number(part("slider").value));
});
field("cover").addEventListener("input", () => {
  part("slider").value = field("cover").value || 0;
  seek(Number(field("cover").value));
});
