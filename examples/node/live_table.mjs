// A live table of the stories, with Node.js and kafkajs.
//
//     npm install
//     node live_table.mjs BROKER:9092 table.json [--once]
//
// It may be stopped and killed at any time, and counts nothing twice: rows and offsets are one file, which is replaced as a
// whole. `--once` ends it when it has read all that is on the topics.

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import kafkajs from "kafkajs";
import lz4 from "lz4-napi";

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;
const PREFIX = process.env.NEWSLOOM_TOPIC_PREFIX ?? "news.";
const STORIES = `${PREFIX}stories`;
const UPDATES = `${PREFIX}story-updates`;
const FETCHES_AT_END = 5;

// newsloom compresses with lz4, which kafkajs leaves to a package.
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: (encoder) => lz4.compressFrame(encoder.buffer),
  decompress: (buffer) => lz4.decompressFrame(buffer),
});

/** Change the table by one record: a story as it is now, one that is forgotten, or one change of a story. */
function apply(table, topic, record) {
  const value = record.value && JSON.parse(record.value);
  if (topic === UPDATES) {
    table.changes[value.story_id] = (table.changes[value.story_id] ?? 0) + 1;
  } else if (!value) {
    delete table.stories[record.key];
  } else {
    const { id, state, version, article_count, title } = value;
    table.stories[id] = { state, version, article_count, title };
  }
}

/** Write rows and offsets in one step: the old file stays whole until the new one replaces it. */
function store(table, file) {
  writeFileSync(`${file}.new`, JSON.stringify(table));
  renameSync(`${file}.new`, file);
}

async function main(broker, file, once) {
  const table = existsSync(file) ? JSON.parse(readFileSync(file)) : { stories: {}, changes: {}, offsets: {} };
  const kafka = new Kafka({ brokers: [broker], clientId: "live-table", logLevel: logLevel.ERROR });
  // kafkajs reads as a member of a group. The offsets that count are those of the table, so the group commits none. It leaves
  // out the records of transactions that never happened (`readUncommitted: false` is its default).
  const consumer = kafka.consumer({
    groupId: `${PREFIX}subscriber-live-table-${process.pid}`,
    maxWaitTimeInMs: 500,
  });
  // The last offset of a topic may be that of a transaction's end, which kafkajs does not show: so `--once` ends at some fetches
  // without a record.
  let fetches = 0;
  consumer.on(consumer.events.FETCH, () => {
    fetches += 1;
    if (once && fetches === FETCHES_AT_END) consumer.disconnect();
  });
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    for (const [topic, partitions] of Object.entries(payload.memberAssignment)) {
      for (const partition of partitions) {
        consumer.seek({ topic, partition, offset: String(table.offsets[`${topic}/${partition}`] ?? 0) });
      }
    }
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [STORIES, UPDATES], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      fetches = 0;
      for (const record of batch.messages) apply(table, batch.topic, record);
      table.offsets[`${batch.topic}/${batch.partition}`] = Number(batch.lastOffset()) + 1;
      store(table, file);
      const open = Object.values(table.stories).filter((story) => story.state === "open");
      const articles = open.reduce((sum, story) => sum + story.article_count, 0);
      console.log(`${open.length} open stories, ${articles} articles`);
    },
  });
}

const [broker, file, option] = process.argv.slice(2);
await main(broker, file, option === "--once");
