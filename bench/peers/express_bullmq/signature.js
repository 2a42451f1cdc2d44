"use strict";
// Whether a delivery is TikTok's. Written as most people write it, from Node's own library.

const { createHmac, timingSafeEqual } = require("node:crypto");

const TOLERANCE = 300; // seconds

/** What a rightly signed delivery says, null for any other. */
exports.envelope = function envelope(header, body) {
  const parts = Object.fromEntries(header.split(",").map((part) => part.split("=", 2)));
  const signed = createHmac("sha256", process.env.WEBHOOK_SECRET);
  const expected = signed.update(`${parts.t}.`).update(body).digest();
  const given = Buffer.from(parts.s ?? "", "hex");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  if (Math.abs(Date.now() / 1000 - Number(parts.t)) > TOLERANCE) return null;
  return JSON.parse(body);
};
