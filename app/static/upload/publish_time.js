// The time of a post, which is a time of the reader's clock. Where clocks change, a time of a day may not
// exist, which is refused, or exist twice, which is asked.
import { field, message, part, value } from "./form.js";

const MINUTE = 60_000; // milliseconds
const DAY = 1440 * MINUTE;
const zoneName = Intl.DateTimeFormat().resolvedOptions().timeZone;

const formatOffset = (instant) => {
  const minutes = -new Date(instant).getTimezoneOffset();
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `UTC${minutes < 0 ? "−" : "+"}${hours}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
};

// All instants at which this zone's clocks show the time: none, one or two, the earlier one first.
export const findInstants = (text) => {
  const asUtc = Date.parse(`${text}Z`);
  if (Number.isNaN(asUtc)) return [];
  const offsets = new Set([-DAY, DAY].map((distance) => new Date(asUtc + distance).getTimezoneOffset()));
  return [...offsets]
    .map((offset) => ({ offset, instant: asUtc + offset * MINUTE }))
    .filter(({ offset, instant }) => new Date(instant).getTimezoneOffset() === offset)
    .map(({ instant }) => instant)
    .sort((first, second) => first - second);
};

// The chosen instant in milliseconds; undefined if the field is empty or its time does not exist.
const chosenInstant = () => {
  const instants = findInstants(value("publish_at"));
  return instants[Number(value("publish_at_turn"))] ?? instants[0];
};

export const publishTime = () => (value("publish_at") ? new Date(chosenInstant()).toISOString() : null);

export const publishTimeError = () => {
  if (field("publish_at").validity.badInput) return message("timeInPast");
  if (!value("publish_at")) return "";
  if (chosenInstant() === undefined) return message("timeInGap", { zone: zoneName });
  return chosenInstant() <= Date.now() ? message("timeInPast") : "";
};

const updateZone = () => {
  const instants = findInstants(value("publish_at"));
  part("time-zone").textContent = message("timeZone", { zone: zoneName, offset: formatOffset(instants[0] ?? Date.now()) });
  part("time-twice").hidden = instants.length < 2;
  for (const [turn, instant] of instants.entries()) part(`time-turn-${turn}`).textContent = formatOffset(instant);
};

field("publish_at").addEventListener("input", () => {
  field("publish_at_turn").value = "0";
  updateZone();
});
field("publish_at").form.addEventListener("reset", () => setTimeout(updateZone));
updateZone();
