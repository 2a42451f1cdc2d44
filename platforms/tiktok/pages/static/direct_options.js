// The options of a direct post, which depend on the creator's account: loaded when they are shown,
// never stored. Applies TikTok's rules for direct posts: nothing is preset, the disclosure must be
// complete, and branded content cannot be private.
import { field, form, message, part, value } from "../../upload/form.js";

let requestNumber = 0;
let ready = false;

export const maxDuration = () => Number(part("creator").querySelector("[data-max-seconds]")?.dataset.maxSeconds) || null;
export const isReady = () => ready;

export const loadOptions = async (onChange) => {
  const thisRequest = ++requestNumber;
  ready = false;
  part("creator").textContent = message("loadingOptions");
  onChange();
  let html = null;
  try {
    const response = await fetch(`${form.dataset.optionsUrl}?account_id=${value("account_id")}`);
    if (response.redirected) return location.reload();
    if (response.ok) html = await response.text();
  } catch {
    // html stays null, and the message below says so
  }
  if (thisRequest !== requestNumber) return; // another account has been chosen meanwhile
  if (html === null) {
    part("creator").textContent = message("optionsUnavailable");
  } else {
    part("creator").innerHTML = html;
    part("creator").dispatchEvent(new CustomEvent("content-replaced", { bubbles: true }));
    ready = !part("creator").querySelector("[data-blocked]");
    part("creator").onchange = () => { if (ready) applyRules(); onChange(); };
    if (ready) applyRules();
  }
  onChange();
};

const applyRules = () => {
  const discloses = field("disclose").checked;
  const ownBrand = discloses && field("brand_organic_toggle").checked;
  const paid = discloses && field("brand_content_toggle").checked;
  const isPrivate = value("privacy_level") === "SELF_ONLY";
  const privateOption = [...field("privacy_level").options].find((option) => option.value === "SELF_ONLY");
  const hint = part("private-hint").querySelector("[lang]").textContent;
  part("disclosure").hidden = !discloses;
  part("brand-none").hidden = ownBrand || paid;
  part("brand-own").hidden = !ownBrand || paid;
  part("brand-paid").hidden = !paid;
  part("consent").hidden = paid;
  part("consent-paid").hidden = !paid;
  if (privateOption) privateOption.disabled = paid;
  field("brand_content_toggle").disabled = isPrivate && !paid;
  for (const element of [field("privacy_level"), field("brand_content_toggle").closest("label")]) {
    element.title = paid || isPrivate ? hint : "";
  }
  part("private-hint").hidden = !(paid || (discloses && isPrivate));
};

// The reason why the post cannot be sent yet; empty if it can.
export const notReadyReason = () => {
  if (!ready) return part("creator").querySelector("[data-blocked]") ? message("blocked") : part("creator").textContent;
  if (field("disclose").checked && !field("brand_organic_toggle").checked && !field("brand_content_toggle").checked) {
    return part("brand-none").querySelector("[lang]").textContent;
  }
  return value("privacy_level") ? "" : message("noPrivacy");
};

// The fields that a direct post adds to the request.
export const requestFields = (isPhoto) => {
  const isChecked = (name) => field(name).checked;
  const body = { privacy_level: value("privacy_level"), disable_comment: !isChecked("allow_comment") };
  if (isChecked("disclose")) {
    body.brand_organic_toggle = isChecked("brand_organic_toggle");
    body.brand_content_toggle = isChecked("brand_content_toggle");
  }
  if (isPhoto) return { ...body, auto_add_music: isChecked("auto_add_music") };
  return { ...body, disable_duet: !isChecked("allow_duet"), disable_stitch: !isChecked("allow_stitch"), is_aigc: isChecked("is_aigc") };
};
