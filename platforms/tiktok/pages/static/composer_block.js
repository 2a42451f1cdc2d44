// TikTok's rules for its block of the composer: nothing is preset, the disclosure must be complete, and
// branded content cannot be private. Says with data-stop why nothing may be sent.
const fieldOf = (block, name) => block.querySelector(`[data-field="${name}"]`);
const isChecked = (block, name) => Boolean(fieldOf(block, name)?.checked);
const isDirect = (block) => block.querySelector('[data-field="mode"]:checked')?.value === "DIRECT";

const showParts = (block, isPhoto) => {
  for (const element of block.querySelectorAll("[data-direct-only]")) element.hidden = !isDirect(block);
  for (const element of block.querySelectorAll("[data-inbox-only]")) element.hidden = isDirect(block);
  for (const element of block.querySelectorAll("[data-video-only]")) element.hidden = isPhoto;
  for (const element of block.querySelectorAll("[data-photo-only]")) element.hidden = !isPhoto;
};

const applyRules = (block, consent) => {
  const discloses = isChecked(block, "disclose");
  const own = discloses && isChecked(block, "brand_organic_toggle");
  const paid = discloses && isChecked(block, "brand_content_toggle");
  const privacy = fieldOf(block, "privacy_level");
  const isPrivate = privacy.value === "SELF_ONLY";
  const hint = block.querySelector("[data-private-hint]");
  const words = hint.querySelector("[lang]").textContent;
  block.querySelector("[data-disclosure]").hidden = !discloses;
  block.querySelector('[data-brand="none"]').hidden = own || paid;
  block.querySelector('[data-brand="own"]').hidden = !own || paid;
  block.querySelector('[data-brand="paid"]').hidden = !paid;
  const privateOption = [...privacy.options].find((option) => option.value === "SELF_ONLY");
  if (privateOption) privateOption.disabled = paid;
  const paidBox = fieldOf(block, "brand_content_toggle");
  paidBox.disabled = isPrivate && !paid;
  for (const element of [privacy, paidBox.closest("label")]) element.title = paid || isPrivate ? words : "";
  hint.hidden = !(paid || (discloses && isPrivate));
  consent.querySelector('[data-consent-of="music"]').hidden = paid;
  consent.querySelector('[data-consent-of="paid"]').hidden = !paid;
  return discloses && !own && !paid ? block.querySelector('[data-brand="none"] [lang]').textContent : "";
};

const findTooLong = (block) => {
  const creator = block.querySelector("[data-max-seconds]");
  const max = Number(creator?.dataset.maxSeconds) || 0;
  const seconds = Number(block.closest("form").dataset.longestSeconds) || 0;
  return max && seconds > max ? creator.dataset.tooLong.replace("{seconds}", Math.ceil(seconds)).replace("{max}", max) : "";
};

export const updateBlock = (block, { types, consent, load }) => {
  const isPhoto = types.length > 0 && types.every((type) => type === "image");
  const own = block.querySelector("[data-own-block]");
  block.dataset.kindName = `${isDirect(block) ? "DIRECT" : "INBOX"}_${isPhoto ? "PHOTO" : "VIDEO"}`;
  showParts(block, isPhoto);
  consent.querySelector("[data-own-consent]").hidden = !isDirect(block);
  let reason = "";
  if (isDirect(block)) {
    if (own.dataset.hasChoices === "no") load();
    const blocked = block.querySelector("[data-blocked]");
    if (blocked) reason = blocked.textContent.trim();
    else if (fieldOf(block, "privacy_level")) reason = applyRules(block, consent) || findTooLong(block);
  }
  block.dataset.stop = reason;
};
