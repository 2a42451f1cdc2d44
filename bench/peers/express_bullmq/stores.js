"use strict";
// Where web and worker meet: one database, one queue.

const Redis = require("ioredis");
const { Pool } = require("pg");

exports.QUEUE = "apply";

/** Connections stay open: signing in costs more than a notice. */
exports.pool = (max) =>
  new Pool({ connectionString: process.env.POSTGRES_DSN, max, idleTimeoutMillis: 0 });

/** A worker waits for jobs on its connection as long as it takes: BullMQ wants no limit there. */
exports.redis = () => new Redis(process.env.BROKER_URL, { maxRetriesPerRequest: null });
