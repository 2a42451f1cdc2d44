"use strict";
// The database and the queue that web and worker share.

const Redis = require("ioredis");
const { Pool } = require("pg");

exports.QUEUE = "apply";

/** Idle connections stay open: connecting costs more than an event. */
exports.createPool = (max) =>
  new Pool({ connectionString: process.env.POSTGRES_DSN, max, idleTimeoutMillis: 0 });

/** BullMQ requires unlimited retries: a worker's connection blocks until there is a job. */
exports.connectRedis = () => new Redis(process.env.BROKER_URL, { maxRetriesPerRequest: null });
