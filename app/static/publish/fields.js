// The fields that a platform declares: which are shown for a kind of post, and their values as the
// API wants them. A field without a value is left out of the request.
const controlOf = (field) => field.querySelector("select, textarea, input");

export const fieldsIn = (root, level) =>
  [...root.querySelectorAll(`[data-field][data-level="${level}"]`)].filter((field) => !field.hidden);

export const showFieldsOf = (root, kind) => {
  for (const field of root.querySelectorAll("[data-field]")) {
    const kinds = field.dataset.kinds.split(" ").filter(Boolean);
    field.hidden = kinds.length > 0 && !kinds.includes(kind.name);
  }
};

const splitNames = (text) => text.split(/[\s,]+/).map((name) => name.replace(/^@/, "")).filter(Boolean);

// One account in each line: a name, or a name and its position. Undefined if a line is neither.
export const readPeople = (text) => {
  const people = [];
  for (const line of text.split("\n").map((part) => part.trim()).filter(Boolean)) {
    const [name, ...numbers] = line.replace(/^@/, "").split(/[\s,;]+/);
    const [x, y] = numbers.map(Number);
    const isPosition = numbers.length === 2 && [x, y].every((value) => value >= 0 && value <= 1);
    if (numbers.length && !isPosition) return undefined;
    people.push(isPosition ? { username: name, x, y } : { username: name });
  }
  return people;
};

const READERS = {
  text: (control) => control.value.trim() || undefined,
  choice: (control) => control.value || undefined,
  flag: (control) => (control.checked || "default" in control.dataset ? control.checked : undefined),
  names: (control) => (splitNames(control.value).length ? splitNames(control.value) : undefined),
  time: (control) => (control.value === "" ? undefined : Math.round(1000 * Number(control.value))),
  number: (control) => (control.value === "" ? undefined : Number(control.value)),
  people: (control) => (readPeople(control.value)?.length ? readPeople(control.value) : undefined),
};

// The values of all shown fields by their names. Media files are not among them.
export const readFields = (root, level) => {
  const values = {};
  for (const field of fieldsIn(root, level)) {
    const read = READERS[field.dataset.input];
    const value = read && read(controlOf(field));
    if (value !== undefined) values[field.dataset.field] = value;
  }
  return values;
};

// Media files that are fields of the post and no items of it, such as a cover.
export const extraMedia = (root) =>
  fieldsIn(root, "post").filter((field) => field.dataset.input === "media").map((field) => ({
    role: field.dataset.role,
    file: field.querySelector('input[type="file"]').files[0] ?? null,
    url: field.querySelector('input[type="url"]').value.trim(),
  })).filter((media) => media.file || media.url);

export const invalidPeople = (root) =>
  [...root.querySelectorAll('[data-input="people"]')]
    .filter((field) => !field.hidden)
    .map(controlOf)
    .find((control) => readPeople(control.value) === undefined);
