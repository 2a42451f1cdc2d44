// What the page tells its scripts: the token of this session's changes, and where signalpost begins on
// this host.
const read = (name) => document.querySelector(`meta[name="${name}"]`).content;

export const csrf = read("csrf-token");
export const pathPrefix = read("path-prefix"); // such as /signalpost; empty at the top of the host

// A key that makes a repeated request the same request. `crypto.randomUUID` exists on https and on
// localhost only; random values exist everywhere.
export const createKey = () =>
  crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// The form can be used from now on: until here it says that its script has not started.
export const enableForm = (form) => {
  form.querySelector('[data-part="not-started"]').remove();
  form.querySelector('button[type="submit"]').disabled = false;
};
