"use strict";
// One BullMQ job per notice.

const { Worker } = require("bullmq");
const { QUEUE, pool, redis } = require("./stores");

const CONCURRENCY = 10; // as many as connections

const SEEN = {
  name: "seen",
  text: "SELECT publish_id, status FROM webhook_events WHERE id = $1 FOR UPDATE",
};
const PUBLISHED = {
  name: "published",
  text: "UPDATE posts SET state = 'PUBLISHED' WHERE publish_id = $1",
};
const DONE = {
  name: "done",
  text: `UPDATE webhook_events SET status = 'done', processed_at = clock_timestamp()
          WHERE id = $1`,
};

const database = pool(CONCURRENCY);

/** One transaction, on a connection of its own. */
async function together(work) {
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

/** The publication moves on, and the notice is done. */
const apply = ({ data: { id } }) =>
  together(async (client) => {
    const { rows } = await client.query({ ...SEEN, values: [id] });
    if (rows[0].status === "done") return;
    await client.query({ ...PUBLISHED, values: [rows[0].publish_id] });
    await client.query({ ...DONE, values: [id] });
  });

const worker = new Worker(QUEUE, apply, { connection: redis(), concurrency: CONCURRENCY });
worker.waitUntilReady().then(() => console.log("ready"));
process.once("SIGTERM", () => worker.close().then(() => process.exit(0)));
