"use strict";
// Verifies TikTok's signature as most applications do, with Node's own library.

const { createHmac, timingSafeEqual } = require("node:crypto");

const TOLERANCE = 300; // seconds

/** The parsed body if the signature is valid and recent, otherwise null. */
exports.verifyEnvelope = function verifyEnvelope(header, body) {
  const parts = Object.fromEntries(header.split(",").map((part) => part.split("=", 2)));
  const signed = createHmac("sha256", process.env.WEBHOOK_SECRET);
  const expected = signed.update(`${parts.t}.`).update(body).digest();
  const given = Buffer.from(parts.s ?? "", "hex");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  if (Math.abs(Date.now() / 1000 - Number(parts.t)) > TOLERANCE) return null;
  return JSON.parse(body);
};
