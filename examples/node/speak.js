// Speak one text through Kafka, with nothing of Loa but its topics, and verify the audio.
//
//     npm ci && node speak.js HOST:PORT "Text to speak" [FILE]
//
// Prints the outcome as JSON; exits 1 if it is a failure, or if the audio is not the one that was announced.
// TTS_TOPIC_PREFIX: as Loa has it, `tts` if it is not set.
import { createHash, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { Kafka, logLevel } from "kafkajs";

const [broker, text, file] = process.argv.slice(2);
const prefix = process.env.TTS_TOPIC_PREFIX ?? "tts";
const outcomes = [`${prefix}.completed`, `${prefix}.failed`];
const request = { text, request_id: randomUUID(), format: "flac", return_audio: true, metadata: { from: "speak.js" } };

const kafka = new Kafka({ clientId: "speak.js", brokers: [broker], logLevel: logLevel.ERROR });
const admin = kafka.admin();
const producer = kafka.producer();
const group = `speak.js-${request.request_id}`; // of its own: every subscriber hears everything
const consumer = kafka.consumer({ groupId: group });

await Promise.all([admin.connect(), producer.connect(), consumer.connect()]);

// Where the topics end now: the outcome comes after that, however soon.
const ends = await Promise.all(outcomes.map((topic) => admin.fetchTopicOffsets(topic)));
await consumer.subscribe({ topics: outcomes });

const outcome = new Promise((resolve) => {
  consumer.run({
    autoCommit: false,
    eachMessage: async ({ message }) => {
      const event = JSON.parse(message.value.toString());
      if (event.request_id === request.request_id) resolve({ event, version: message.headers.ce_specversion.toString() });
    },
  });
});
outcomes.forEach((topic, n) => ends[n].forEach(({ partition, high }) => consumer.seek({ topic, partition, offset: high })));

await producer.send({
  topic: `${prefix}.requests`,
  acks: -1,
  messages: [{ key: request.request_id, value: JSON.stringify(request) }],
});
const {
  event: { audio_base64: audio, ...event },
  version,
} = await outcome;

await Promise.all([consumer.disconnect(), producer.disconnect()]);
await admin.deleteGroups([group]);
await admin.disconnect();

if (version !== "1.0") {
  console.error(`an event of CloudEvents ${version}: this program knows 1.0`);
  process.exit(1);
}
console.log(JSON.stringify(event));
if (event.code) process.exit(1);
if (audio) {
  const bytes = Buffer.from(audio, "base64");
  if (createHash("sha256").update(bytes).digest("hex") !== event.sha256) {
    console.error(`the audio of ${event.request_id} is not the one that was announced`);
    process.exit(1);
  }
  if (file) writeFileSync(file, bytes);
} else {
  console.error(`longer than an event may be: it is at ${event.audio_url ?? event.file_path}`);
}
