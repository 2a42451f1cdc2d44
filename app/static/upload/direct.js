// The part of the form that belongs to one creator: fetched when it is shown, kept nowhere. Holds
// TikTok's rules for direct posts: nothing preset, disclosure complete, paid content never private.
import { field, form, part, say, value } from "./words.js";

let asked = 0;
let ready = false;

export const longest = () => Number(part("creator").querySelector("[data-longest]")?.dataset.longest) || null;
export const isReady = () => ready;

export const ask = async (changed) => {
  const mine = ++asked;
  ready = false;
  part("creator").textContent = say("asking");
  changed();
  let text = null;
  try {
    const answer = await fetch(`${form.dataset.direct}?account_id=${value("account_id")}`);
    if (answer.redirected) return location.reload();
    if (answer.ok) text = await answer.text();
  } catch {
    // said below
  }
  if (mine !== asked) return; // another account has been chosen meanwhile
  if (text === null) {
    part("creator").textContent = say("notAsked");
  } else {
    part("creator").innerHTML = text;
    part("creator").dispatchEvent(new CustomEvent("dressed", { bubbles: true }));
    ready = !part("creator").querySelector("[data-blocked]");
    part("creator").onchange = () => { if (ready) agree(); changed(); };
    if (ready) agree();
  }
  changed();
};

const agree = () => {
  const discloses = field("disclose").checked;
  const own = discloses && field("brand_organic_toggle").checked;
  const paid = discloses && field("brand_content_toggle").checked;
  const isPrivate = value("privacy_level") === "SELF_ONLY";
  const alone = [...field("privacy_level").options].find((option) => option.value === "SELF_ONLY");
  const hint = part("private-hint").querySelector("[lang]").textContent;
  part("disclosure").hidden = !discloses;
  part("brand-none").hidden = own || paid;
  part("brand-own").hidden = !own || paid;
  part("brand-paid").hidden = !paid;
  part("consent").hidden = paid;
  part("consent-paid").hidden = !paid;
  if (alone) alone.disabled = paid;
  field("brand_content_toggle").disabled = isPrivate && !paid;
  for (const place of [field("privacy_level"), field("brand_content_toggle").closest("label")]) {
    place.title = paid || isPrivate ? hint : "";
  }
  part("private-hint").hidden = !(paid || (discloses && isPrivate));
};

// Why it may not be sent yet; empty when it may.
export const missing = () => {
  if (!ready) return part("creator").querySelector("[data-blocked]") ? say("blocked") : part("creator").textContent;
  if (field("disclose").checked && !field("brand_organic_toggle").checked && !field("brand_content_toggle").checked) {
    return part("brand-none").querySelector("[lang]").textContent;
  }
  return value("privacy_level") ? "" : say("noPrivacy");
};

export const wishes = (isPhoto) => {
  const on = (name) => field(name).checked;
  const body = { privacy_level: value("privacy_level"), disable_comment: !on("allow_comment") };
  if (on("disclose")) {
    body.brand_organic_toggle = on("brand_organic_toggle");
    body.brand_content_toggle = on("brand_content_toggle");
  }
  if (isPhoto) return { ...body, auto_add_music: on("auto_add_music") };
  return { ...body, disable_duet: !on("allow_duet"), disable_stitch: !on("allow_stitch"), is_aigc: on("is_aigc") };
};
