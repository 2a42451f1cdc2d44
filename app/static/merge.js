// Merges new nodes into old ones: nodes with the same key (id, data-key or data-focus-key), or of the
// same kind at the same place, stay and take over attributes and content.
const KEPT_ATTRIBUTES = new Set(["open"]); // what the reader did

const keyOf = (node) => node.nodeType === 1 ? node.id || node.dataset.key || node.dataset.focusKey || "" : "";
const isSameKind = (one, other) =>
  one.nodeType === other.nodeType && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

const findCounterpart = (from, next) => {
  if (!keyOf(next)) return from && isSameKind(from, next) ? from : null;
  for (let node = from; node; node = node.nextSibling) if (isSameKind(node, next)) return node;
  return null;
};

const mergeAttributes = (old, next) => {
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !KEPT_ATTRIBUTES.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value && !KEPT_ATTRIBUTES.has(name)) old.setAttribute(name, value);
  }
};

const mergeNode = (old, next) => {
  if (old.nodeType !== 1) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  if (old.isEqualNode(next)) return;
  mergeAttributes(old, next);
  mergeChildren(old, next);
};

export const mergeChildren = (parent, source) => {
  let current = parent.firstChild;
  for (const next of [...source.childNodes]) {
    const match = findCounterpart(current, next);
    if (match) {
      if (match === current) current = current.nextSibling;
      else parent.insertBefore(match, current);
      mergeNode(match, next);
    } else parent.insertBefore(next, current);
  }
  while (current) {
    const following = current.nextSibling;
    current.remove();
    current = following;
  }
};
