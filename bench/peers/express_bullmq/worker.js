"use strict";
// The job of the peer `express_bullmq`: one per event.

const { Worker } = require("bullmq");
const { QUEUE, createPool, connectRedis } = require("./stores");

const CONCURRENCY = 10; // as many as database connections

const SELECT_EVENT = {
  name: "select_event",
  text: "SELECT publish_id, status FROM webhook_events WHERE id = $1 FOR UPDATE",
};
const MARK_PUBLISHED = {
  name: "mark_published",
  text: "UPDATE posts SET state = 'PUBLISHED' WHERE publish_id = $1",
};
const MARK_DONE = {
  name: "mark_done",
  text: `UPDATE webhook_events SET status = 'done', processed_at = clock_timestamp()
          WHERE id = $1`,
};

const database = createPool(CONCURRENCY);

/** Runs `work` in one transaction. */
async function inTransaction(work) {
  const client = await database.connect();
  try {
    await client.query("BEGIN");
    await work(client);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

/** Marks the post as published and the event as done, unless it is done already. */
const applyEvent = ({ data: { id } }) =>
  inTransaction(async (client) => {
    const { rows } = await client.query({ ...SELECT_EVENT, values: [id] });
    if (rows[0].status === "done") return;
    await client.query({ ...MARK_PUBLISHED, values: [rows[0].publish_id] });
    await client.query({ ...MARK_DONE, values: [id] });
  });

const worker = new Worker(QUEUE, applyEvent, {
  connection: connectRedis(),
  concurrency: CONCURRENCY,
});
worker.waitUntilReady().then(() => console.log("ready"));
process.once("SIGTERM", () => worker.close().then(() => process.exit(0)));
