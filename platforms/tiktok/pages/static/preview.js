// The preview of the chosen video and the choice of its cover frame. Nothing is uploaded here.
import { field, part } from "../../upload/form.js";

let objectUrl = null;
let duration = null; // seconds

export const previewDuration = () => duration;

export const showPreview = (file, onChange) => {
  if (objectUrl) URL.revokeObjectURL(objectUrl);
  objectUrl = duration = null;
  const player = part("player");
  part("preview").hidden = true;
  part("slider").hidden = true;
  field("cover").removeAttribute("max");
  const mayPlay = file?.size && (!file.type || file.type.startsWith("video/"));
  if (!mayPlay) return player.removeAttribute("src");
  objectUrl = URL.createObjectURL(file);
  player.onloadedmetadata = () => {
    duration = Number.isFinite(player.duration) ? player.duration : null;
    part("preview").hidden = false;
    if (duration !== null) {
      part("slider").max = field("cover").max = duration.toFixed(1);
      part("slider").hidden = false;
    }
    onChange();
  };
  player.onerror = () => { part("preview").hidden = true; }; // TikTok may accept what this browser cannot play
  player.src = objectUrl;
};

const seekTo = (seconds) => {
  if (duration === null || part("preview").hidden) return;
  part("player").pause();
  part("player").currentTime = Math.min(seconds, duration);
};

part("slider").addEventListener("input", () => {
  field("cover").value = part("slider").value;
  seekTo(Number(part("slider").value));
});
field("cover").addEventListener("input", () => {
  part("slider").value = field("cover").value || 0;
  seekTo(Number(field("cover").value));
});
