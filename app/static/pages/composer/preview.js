// The preview: roughly how the post looks on a platform, with the file as this browser has it.
import { form, message, part } from "./context.js";
import { chosenBlocks } from "./blocks.js";
import { firstLocal } from "./files.js";
import { textFor } from "./texts.js";

const SHOWN_CHARACTERS = 90;
let platform = null;
let shownUrl = null;

const showMedia = () => {
  const local = firstLocal();
  const url = local?.url ?? null;
  if (url === shownUrl) return;
  shownUrl = url;
  const isVideo = local?.file.type.startsWith("video/");
  const isImage = local?.file.type.startsWith("image/");
  const [player, picture] = [part("player"), part("picture")];
  player.hidden = !isVideo;
  picture.hidden = !isImage;
  if (isVideo) player.src = url; else player.removeAttribute("src");
  if (isImage) picture.src = url; else picture.removeAttribute("src");
};

export const updatePreview = () => {
  const blocks = chosenBlocks();
  part("preview").hidden = !blocks.length;
  const block = blocks.find((each) => each.dataset.platform === platform) ?? blocks[0];
  for (const button of part("preview-tabs").querySelectorAll("[data-preview]")) {
    button.hidden = !blocks.some((each) => each.dataset.platform === button.dataset.preview);
    button.setAttribute("aria-pressed", String(button.dataset.preview === block?.dataset.platform));
  }
  if (!block) return;
  const text = [...textFor(block.dataset.platform)];
  part("preview-name").textContent = block.dataset.accountName;
  part("preview-text").textContent = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS).join("")} …` : text.join("");
  part("preview-hint").textContent = message("previewHint", { name: block.querySelector("summary").textContent.split(",")[0].trim() });
  showMedia();
};

export const startPreview = () => {
  for (const media of [part("player"), part("picture")]) media.addEventListener("error", () => { media.hidden = true; }); // the platform may accept what this browser cannot show
  part("preview-tabs").addEventListener("click", (event) => {
    platform = event.target.closest("[data-preview]")?.dataset.preview ?? platform;
    updatePreview();
  });
};
