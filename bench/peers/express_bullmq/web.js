"use strict";
// Stores each delivery in a statement of its own, then hands its id to BullMQ.

const { createHash } = require("node:crypto");
const { Queue } = require("bullmq");
const express = require("express");
const { envelope } = require("./signature");
const { QUEUE, pool, redis } = require("./stores");

const STORE = {
  name: "store",
  text: `INSERT INTO webhook_events (external_id, publish_id, payload) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING RETURNING id`,
};

const database = pool(20);
const queue = new Queue(QUEUE, { connection: redis() });
const app = express();

app.post("/webhooks", express.raw({ type: "*/*" }), async (request, response) => {
  const said = envelope(request.get("TikTok-Signature") ?? "", request.body);
  if (said === null) return response.status(401).json({ success: false });
  const { publish_id } = JSON.parse(said.content);
  const digest = createHash("sha256").update(request.body).digest("hex");
  const values = [digest, publish_id, request.body.toString()];
  const { rows } = await database.query({ ...STORE, values });
  if (rows.length) await queue.add("apply", { id: rows[0].id }, { removeOnComplete: true });
  response.json({ success: true });
});

app.get("/healthz", (_, response) => response.json({ success: true }));

app.listen(Number(process.env.PORT), "127.0.0.1");
