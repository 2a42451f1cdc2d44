"use strict";
// The web part of the peer `express_bullmq`: stores each delivery, sends its id to BullMQ.

const { createHash } = require("node:crypto");
const { Queue } = require("bullmq");
const express = require("express");
const { verifyEnvelope } = require("./signature");
const { QUEUE, createPool, connectRedis } = require("./stores");

const STORE_EVENT = {
  name: "store",
  text: `INSERT INTO webhook_events (external_id, publish_id, payload) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING RETURNING id`,
};

const database = createPool(20);
const queue = new Queue(QUEUE, { connection: connectRedis() });
const app = express();

app.post("/webhooks", express.raw({ type: "*/*" }), async (request, response) => {
  const envelope = verifyEnvelope(request.get("TikTok-Signature") ?? "", request.body);
  if (envelope === null) return response.status(401).json({ success: false });
  const { publish_id } = JSON.parse(envelope.content);
  const digest = createHash("sha256").update(request.body).digest("hex");
  const values = [digest, publish_id, request.body.toString()];
  const { rows } = await database.query({ ...STORE_EVENT, values });
  if (rows.length) await queue.add("apply", { id: rows[0].id }, { removeOnComplete: true });
  response.json({ success: true });
});

app.get("/healthz", (_, response) => response.json({ success: true }));

app.listen(Number(process.env.PORT), "127.0.0.1");
