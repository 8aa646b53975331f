package loa;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Speak one text through Kafka, with nothing of Loa but its topics, and verify the audio.
 *
 * <pre>mvn -q compile exec:java -Dexec.args='HOST:PORT "Text to speak" FILE'</pre>
 *
 * Prints the outcome as JSON; exits 1 if it is a failure, or if the audio is not the one that was announced. TTS_TOPIC_PREFIX: as
 * Loa has it, `tts` if it is not set.
 */
public final class Speak {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PREFIX = System.getenv().getOrDefault("TTS_TOPIC_PREFIX", "tts");

  public static void main(String[] arguments) throws Exception {
    Map<String, Object> brokers = Map.of("bootstrap.servers", arguments[0]);
    String id = UUID.randomUUID().toString();
    byte[] request =
        JSON.writeValueAsBytes(
            Map.of("text", arguments[1], "request_id", id, "format", "flac", "return_audio", true, "metadata", Map.of("from", "Speak.java")));

    ObjectNode event;
    try (var producer = new KafkaProducer<>(brokers, new StringSerializer(), new ByteArraySerializer());
        var consumer = new KafkaConsumer<>(brokers, new StringDeserializer(), new ByteArrayDeserializer())) {
      standAtTheEnd(consumer);
      producer.send(new ProducerRecord<>(PREFIX + ".requests", id, request)).get();
      event = outcome(consumer, id);
    }
    var audio = event.remove("audio_base64");
    System.out.println(JSON.writeValueAsString(event));
    if (event.has("code")) {
      System.exit(1);
    }
    if (audio == null) {
      System.err.println("longer than an event may be: it is at " + event.get(event.has("audio_url") ? "audio_url" : "file_path").asText());
      return;
    }
    byte[] content = Base64.getDecoder().decode(audio.asText());
    byte[] sum = MessageDigest.getInstance("SHA-256").digest(content);
    if (!HexFormat.of().formatHex(sum).equals(event.get("sha256").asText())) {
      refuse("the audio of " + id + " is not the one that was announced");
    }
    if (arguments.length > 2) {
      Files.write(Path.of(arguments[2]), content);
    }
  }

  /** Where the topics end now: the outcome comes after that, however soon. Without a group, every subscriber hears everything. */
  private static void standAtTheEnd(Consumer<?, ?> consumer) {
    var partitions =
        List.of(PREFIX + ".completed", PREFIX + ".failed").stream()
            .flatMap(topic -> consumer.partitionsFor(topic).stream())
            .map(each -> new TopicPartition(each.topic(), each.partition()))
            .toList();
    consumer.assign(partitions);
    consumer.endOffsets(partitions).forEach(consumer::seek);
  }

  /** Waits for the event that has the request's id. */
  private static ObjectNode outcome(Consumer<String, byte[]> consumer, String id) throws Exception {
    while (true) {
      for (var found : consumer.poll(Duration.ofSeconds(1))) {
        var event = (ObjectNode) JSON.readTree(found.value());
        if (event.path("request_id").asText().equals(id)) {
          String version = new String(found.headers().lastHeader("ce_specversion").value());
          if (!version.equals("1.0")) {
            refuse("an event of CloudEvents " + version + ": this program knows 1.0");
          }
          return event;
        }
      }
    }
  }

  private static void refuse(String why) {
    System.err.println(why);
    System.exit(1);
  }

  private Speak() {}
}
