// kafkajs and, if it is installed, @confluentinc/kafka-javascript (librdkafka) against a node.
// Usage: node clients.js HOST:PORT. One line per case; the exit code is 1 if one failed.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const [, , bootstrap] = process.argv;
const run = Date.now().toString(36);
const limit = 60_000;
let failed = 0;

async function test(client, name, f) {
  if (!`${client}: ${name}`.includes(process.env.CASE ?? "")) return;
  const topic = `${client}-${name}-${run}`.replace(/[^A-Za-z0-9.]+/g, "-");
  try {
    await Promise.race([f(topic), sleep(limit, undefined, { ref: false }).then(() => Promise.reject(new Error("still running after 60 s")))]);
    console.log(`ok ${client}: ${name}`);
  } catch (e) {
    failed++;
    console.log(`FAIL ${client}: ${name}\n  ${process.env.TRACE ? e.stack : e.message}`);
  }
}

function equal(what, got, want) {
  if (JSON.stringify(got) !== JSON.stringify(want)) throw new Error(`${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

async function eventually(what, f) {
  for (const end = Date.now() + 30_000; !(await f()); await sleep(20)) if (Date.now() > end) throw new Error(`never: ${what}`);
}

async function using(client, f) {
  await client.connect();
  try {
    return await f(client);
  } finally {
    await client.disconnect();
  }
}

function note(e) {
  if (process.env.TRACE) console.log(`   ${e.name}: ${e.message}`);
}

// kafkajs has gzip only; the other codecs are packages of their own.
async function codecs(of, types) {
  of[types.Snappy] = (await import("kafkajs-snappy")).default;
  const lz4 = (await import("lz4-napi")).default; // lz4js links its blocks, which Kafka refuses.
  of[types.LZ4] = () => ({
    compress: (encoder) => lz4.compressFrame(encoder.buffer),
    decompress: (buffer) => lz4.decompressFrame(buffer),
  });
  const { ZstdCodec } = (await import("zstd-codec")).default;
  const zstd = await new Promise((ok) => ZstdCodec.run((z) => ok(new z.Streaming()))); // Simple wants the size in the frame.
  of[types.ZSTD] = () => ({
    compress: async (encoder) => Buffer.from(zstd.compress(encoder.buffer)),
    decompress: async (buffer) => Buffer.from(zstd.decompress(buffer)),
  });
}

async function kafkajs() {
  const { Kafka, CompressionCodecs, CompressionTypes, logLevel, ConfigResourceTypes, PartitionAssigners } = (await import("kafkajs")).default;
  const who = "kafkajs";
  const kafka = new Kafka({ brokers: [bootstrap], clientId: "kafkajs", logLevel: logLevel.NOTHING });
  const create = (topic, numPartitions, configs = {}) => {
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
    return using(kafka.admin(), (a) => a.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: true }));
  };
  await codecs(CompressionCodecs, CompressionTypes);

  async function produce(topic, n, partitions, options = {}, send = {}) {
    const messages = Array.from({ length: n }, (_, i) => ({ key: "k", value: `${i}`, partition: i % partitions, headers: { h: "v" } }));
    return using(kafka.producer(options), (p) => p.send({ topic, messages, ...send }));
  }

  // Members of a group read into seen until it has n values.
  async function read(topic, groupId, n, options = {}, before = async () => {}) {
    const seen = new Set();
    const c = kafka.consumer({ groupId, ...options });
    await using(c, async () => {
      await c.subscribe({ topics: [topic], fromBeginning: true });
      await c.run({ eachMessage: async ({ message }) => void seen.add(message.value.toString()) });
      await before(c);
      await eventually(`${n} records`, () => seen.size >= n);
    });
    return seen.size;
  }

  for (const codec of ["None", "GZIP", "Snappy", "LZ4", "ZSTD"]) {
    await test(who, `produce ${codec}`, async (topic) => {
      await create(topic, 1);
      const [r] = await produce(topic, 500, 1, {}, { compression: CompressionTypes[codec] });
      equal("base offset", r.baseOffset, "0");
      equal("records", await read(topic, topic, 500), 500);
    });
  }
  for (const acks of [0, 1, -1]) {
    await test(who, `acks=${acks}`, async (topic) => {
      await create(topic, 1);
      await produce(topic, 100, 1, {}, { acks });
      equal("records", await read(topic, topic, 100), 100);
    });
  }
  await test(who, "idempotent producer", async (topic) => {
    await create(topic, 3);
    await using(kafka.producer({ idempotent: true, maxInFlightRequests: 1 }), async (p) => {
      for (let i = 0; i < 100; i++) await p.send({ topic, messages: [0, 1, 2].map((partition) => ({ value: `${i}-${partition}`, partition })) });
    });
    equal("records", await read(topic, topic, 300), 300);
  });
  await test(who, "topic created by the first record", async (topic) => {
    await using(kafka.producer({ allowAutoTopicCreation: true }), (p) => p.send({ topic, messages: [{ value: "v" }] }));
  });
  await test(who, "8 MB record", async (topic) => {
    await create(topic, 1, { "max.message.bytes": "10000000" });
    const big = randomBytes(8_000_000);
    await using(kafka.producer(), async (p) => {
      for (const value of [big, "small"]) await p.send({ topic, messages: [{ value }] });
    });
    const got = [];
    const c = kafka.consumer({ groupId: topic, maxBytesPerPartition: 10_000_000 });
    await using(c, async () => {
      await c.subscribe({ topics: [topic], fromBeginning: true });
      await c.run({ eachMessage: async ({ message }) => void got.push(message.value) });
      await eventually("both records", () => got.length === 2);
    });
    equal("records", [got[0].equals(big), got[1].toString()], [true, "small"]);
  });
  await test(who, "record too large", async (topic) => {
    await create(topic, 1);
    let error;
    await using(kafka.producer({ retry: { retries: 1 } }), (p) => p.send({ topic, messages: [{ value: randomBytes(3_000_000) }] })).catch((e) => (error = e));
    equal("error", error?.type, "MESSAGE_TOO_LARGE");
  });
  await test(who, "group of two", async (topic) => {
    await create(topic, 4);
    await produce(topic, 400, 4);
    const owned = {};
    const seen = new Set();
    const members = ["a", "b"].map((name) => {
      const c = kafka.consumer({ groupId: topic, partitionAssigners: [PartitionAssigners.roundRobin] });
      c.on(c.events.GROUP_JOIN, (e) => (owned[name] = (e.payload.memberAssignment[topic] ?? []).length));
      return c;
    });
    try {
      for (const c of members) {
        await c.connect();
        await c.subscribe({ topics: [topic], fromBeginning: true });
        await c.run({ eachMessage: async ({ message }) => void seen.add(message.value.toString()) });
      }
      await eventually("two share", () => owned.a === 2 && owned.b === 2);
      await eventually("all is read", () => seen.size === 400);
      await members[1].disconnect();
      await eventually("one takes over", () => owned.a === 4);
    } finally {
      for (const c of members) await c.disconnect();
    }
  });
  await test(who, "commit, seek, pause, resume", async (topic) => {
    await create(topic, 1);
    await produce(topic, 100, 1);
    await using(kafka.admin(), async (a) => {
      await a.setOffsets({ groupId: topic, topic, partitions: [{ partition: 0, offset: "90" }] });
      equal("committed", (await a.fetchOffsets({ groupId: topic, topics: [topic] }))[0].partitions[0].offset, "90");
    });
    equal("from the committed offset", await read(topic, topic, 10), 10);
    const n = await read(topic, topic, 60, {}, async (c) => {
      c.pause([{ topic }]);
      c.seek({ topic, partition: 0, offset: "40" });
      c.resume([{ topic }]);
    });
    equal("after seek", n, 60);
  });
  await test(who, "admin", async (topic) => {
    await using(kafka.admin(), async (a) => {
      equal("created", await a.createTopics({ topics: [{ topic, numPartitions: 2 }] }), true);
      equal("created again", await a.createTopics({ topics: [{ topic, numPartitions: 2 }] }), false);
      await a.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
      equal("partitions", (await a.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length, 3);
      const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
      await a.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries: [{ name: "retention.ms", value: "7000" }] }] });
      const { resources } = await a.describeConfigs({ includeSynonyms: true, resources: [{ ...resource, configNames: ["retention.ms"] }] });
      equal("config", resources[0].configEntries[0].configValue, "7000");
      await produce(topic, 30, 3);
      equal("offsets", (await a.fetchTopicOffsets(topic)).map((o) => o.high), ["10", "10", "10"]);
      await a.fetchTopicOffsetsByTimestamp(topic, Date.now() - 10_000);
      await a.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "5" }] });
      equal("after deleteRecords", (await a.fetchTopicOffsets(topic)).find((o) => o.partition === 0).low, "5");
      equal("brokers", (await a.describeCluster()).brokers.length, 1);
      await read(topic, topic, 10);
      equal("groups", (await a.listGroups()).groups.some((g) => g.groupId === topic), true);
      await eventually("an empty group", async () => (await a.describeGroups([topic])).groups[0].state === "Empty");
      await a.deleteGroups([topic]);
      await a.deleteTopics({ topics: [topic] });
      equal("deleted", (await a.listTopics()).includes(topic), false);
    });
  });
  await test(who, "refused: transactions", async (topic) => {
    await create(topic, 1);
    const p = kafka.producer({ transactionalId: topic, idempotent: true, maxInFlightRequests: 1, retry: { retries: 2 } });
    let error;
    await p.connect().then(() => p.transaction()).catch((e) => (error = e));
    await p.disconnect();
    if (!error) throw new Error("a transaction began");
    note(error);
  });
  if (process.env.MOLDAU_RESTART) {
    await test(who, "restart in the middle of producing and consuming", async (topic) => {
      await create(topic, 1);
      const seen = new Set();
      const c = kafka.consumer({ groupId: topic, retry: { retries: 20, maxRetryTime: 1000 } });
      const p = kafka.producer({ retry: { retries: 50, initialRetryTime: 50, maxRetryTime: 500 } });
      await using(c, () =>
        using(p, async () => {
          await c.subscribe({ topics: [topic], fromBeginning: true });
          await c.run({ eachMessage: async ({ message }) => void seen.add(message.value.toString()) });
          let restarted;
          for (let i = 0; i < 500; i++) {
            if (i === 100) restarted = new Promise((ok, no) => execFile("sh", ["-c", process.env.MOLDAU_RESTART], (e) => (e ? no(e) : ok())));
            if (i > 100 && i < 300) await sleep(3);
            await p.send({ topic, messages: [{ value: `${i}` }] });
          }
          await restarted;
          await eventually("all is read", () => seen.size === 500);
        }),
      );
    });
  }
}

async function confluent() {
  const { KafkaJS } = (await import("@confluentinc/kafka-javascript")).default;
  const who = "kafka-javascript";
  const kafka = new KafkaJS.Kafka({ kafkaJS: { brokers: [bootstrap], logLevel: KafkaJS.logLevel.NOTHING } });
  for (const compression of ["none", "gzip", "snappy", "lz4"]) { // zstd: depends on how it was built.
    await test(who, `produce ${compression}, group`, async (topic) => {
      await using(kafka.admin(), (a) => a.createTopics({ topics: [{ topic, numPartitions: 2 }] }));
      await using(kafka.producer({ kafkaJS: { compression } }), (p) =>
        p.send({ topic, messages: Array.from({ length: 500 }, (_, i) => ({ value: `${i}`, partition: i % 2 })) }),
      );
      const seen = new Set();
      const c = kafka.consumer({ kafkaJS: { groupId: topic, fromBeginning: true } });
      await using(c, async () => {
        await c.subscribe({ topic });
        await c.run({ eachMessage: async ({ message }) => void seen.add(message.value.toString()) });
        await eventually("all is read", () => seen.size === 500);
      });
    });
  }
  await test(who, "admin", async (topic) => {
    await using(kafka.admin(), async (a) => {
      equal("created", await a.createTopics({ topics: [{ topic, numPartitions: 2 }] }), true);
      equal("metadata", (await a.fetchTopicMetadata({ topics: [topic] }))[0].partitions.length, 2);
      await a.listGroups();
      await a.deleteTopics({ topics: [topic] });
    });
  });
}

for (const client of [kafkajs, confluent]) {
  try {
    await client();
  } catch (e) {
    if (e.code !== "ERR_MODULE_NOT_FOUND" && e.code !== "MODULE_NOT_FOUND") throw e;
    console.log(`skip ${client.name} is not installed`);
  }
}
process.exit(failed ? 1 : 0);
