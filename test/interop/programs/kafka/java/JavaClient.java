import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * What applications do with the Java client: the scenarios named by the arguments, each of which prints its name and what
 * came of it as one line of JSON. kafka-clients.test.ts says what should. One run for all: a Java machine starts slowly.
 */
public final class JavaClient {
  private static final String BOOTSTRAP = System.getenv("KAFKA");
  private static final long FIRST_MS = 1_700_000_000_000L;
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  private interface Scenario {
    Map<String, Object> run() throws Exception;
  }

  private interface Action {
    void run() throws Exception;
  }

  public static void main(String[] names) throws Exception {
    Map<String, Scenario> scenarios = new HashMap<>();
    scenarios.put("records", JavaClient::records);
    scenarios.put("compression", JavaClient::compression);
    scenarios.put("acks", JavaClient::acks);
    scenarios.put("limits", JavaClient::limits);
    scenarios.put("auto_creation", JavaClient::autoCreation);
    scenarios.put("offsets", JavaClient::offsets);
    scenarios.put("idempotence", JavaClient::idempotence);
    scenarios.put("transactions", JavaClient::transactions);
    scenarios.put("administration", JavaClient::administration);
    for (String name : names) {
      System.out.println(name + " " + json(scenarios.get(name).run()));
    }
  }

  private static String own(String name) {
    return name + "." + UUID.randomUUID();
  }

  private static Producer<String, String> producer(Object... options) {
    Map<String, Object> settings = settings(options);
    return new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
  }

  private static Consumer<String, String> consumer(Object... options) {
    Map<String, Object> settings = new HashMap<>();
    settings.put("auto.offset.reset", "earliest");
    settings.put("enable.auto.commit", false);
    settings.putAll(settings(options));
    return new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
  }

  private static Admin admin() {
    return Admin.create(settings());
  }

  private static Map<String, Object> settings(Object... options) {
    Map<String, Object> settings = new HashMap<>();
    settings.put("bootstrap.servers", BOOTSTRAP);
    for (int at = 0; at < options.length; at += 2) {
      settings.put((String) options[at], options[at + 1]);
    }
    return settings;
  }

  private static void make(String topic, int partitions) throws Exception {
    try (Admin admin = admin()) {
      admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
    }
  }

  private static List<ConsumerRecord<String, String>> take(Consumer<String, String> reader, int count) {
    List<ConsumerRecord<String, String>> found = new ArrayList<>();
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (found.size() < count && System.nanoTime() < end) {
      reader.poll(Duration.ofMillis(200)).forEach(found::add);
    }
    return found;
  }

  private static List<ConsumerRecord<String, String>> readAll(String topic, int count, int partitions, Object... options) {
    try (Consumer<String, String> reader = consumer(options)) {
      reader.assign(IntStream.range(0, partitions).mapToObj(number -> new TopicPartition(topic, number)).toList());
      return take(reader, count);
    }
  }

  private static List<String> texts(List<ConsumerRecord<String, String>> records) {
    return records.stream().map(ConsumerRecord::value).toList();
  }

  /** The number Kafka gives to what went wrong, or 0. */
  private static int codeOf(Action action) throws Exception {
    try {
      action.run();
      return 0;
    } catch (ExecutionException | KafkaException error) {
      Throwable cause = error instanceof ExecutionException ? error.getCause() : error;
      if (cause instanceof ApiException) {
        return Errors.forException(cause).code();
      }
      throw error;
    }
  }

  private static void fill(String topic, int count) throws Exception {
    try (Producer<String, String> sender = producer()) {
      for (int number = 0; number < count; number++) {
        sender.send(new ProducerRecord<>(topic, 0, FIRST_MS + 1000L * number, null, "v" + number)).get();
      }
    }
  }

  private static Map<String, Object> records() throws Exception {
    String topic = own("records");
    make(topic, 3);
    try (Producer<String, String> sender = producer("acks", "all")) {
      for (int number = 0; number < 12; number++) {
        String value = number == 11 ? null : "v" + number;
        ProducerRecord<String, String> record = new ProducerRecord<>(topic, null, FIRST_MS + number, "k" + number % 4, value);
        record.headers().add("number", String.valueOf(number).getBytes(StandardCharsets.UTF_8)).add("empty", new byte[0]);
        sender.send(record);
      }
    }
    List<ConsumerRecord<String, String>> found = readAll(topic, 12, 3);
    Map<String, List<ConsumerRecord<String, String>>> places = found.stream().collect(Collectors.groupingBy(ConsumerRecord::key));
    Map<String, Object> outcome = new TreeMap<>();
    outcome.put("read", found.size());
    outcome.put("together", places.values().stream().allMatch(place -> place.stream().map(ConsumerRecord::partition).distinct().count() == 1));
    outcome.put("inOrder", places.values().stream().allMatch(place -> ascending(place.stream().map(JavaClient::numberOf).toList())));
    outcome.put("headers", found.stream().allMatch(record -> headerNames(record).equals(List.of("number", "empty"))));
    outcome.put("emptyHeader", found.stream().allMatch(record -> record.headers().lastHeader("empty").value().length == 0));
    outcome.put("tombstones", found.stream().filter(record -> record.value() == null).map(JavaClient::numberOf).toList());
    outcome.put("timestamps", found.stream().allMatch(record -> record.timestamp() == FIRST_MS + numberOf(record)));
    return outcome;
  }

  private static int numberOf(ConsumerRecord<String, String> record) {
    return Integer.parseInt(new String(record.headers().lastHeader("number").value(), StandardCharsets.UTF_8));
  }

  private static List<String> headerNames(ConsumerRecord<String, String> record) {
    List<String> names = new ArrayList<>();
    for (Header header : record.headers()) {
      names.add(header.key());
    }
    return names;
  }

  private static boolean ascending(List<Integer> values) {
    return values.stream().sorted().toList().equals(values);
  }

  private static Map<String, Object> compression() throws Exception {
    Map<String, Object> outcome = new TreeMap<>();
    for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
      String topic = own("compression");
      make(topic, 1);
      List<String> sent = IntStream.range(0, 200).mapToObj(number -> codec + number + "copper ".repeat(20)).toList();
      try (Producer<String, String> sender = producer("compression.type", codec, "linger.ms", 20)) {
        sent.forEach(value -> sender.send(new ProducerRecord<>(topic, value)));
      }
      outcome.put(codec, texts(readAll(topic, 200, 1)).equals(sent));
    }
    return outcome;
  }

  private static Map<String, Object> acks() throws Exception {
    String topic = own("acks");
    make(topic, 1);
    for (String level : List.of("0", "1", "all")) {
      try (Producer<String, String> sender = producer("acks", level)) {
        for (int number = 0; number < 10; number++) {
          sender.send(new ProducerRecord<>(topic, level + number));
        }
      }
    }
    return Map.of("read", readAll(topic, 30, 1).size());
  }

  private static Map<String, Object> limits() throws Exception {
    String topic = own("limits");
    make(topic, 1);
    int code;
    try (Producer<String, String> sender = producer("max.request.size", 4_000_000)) {
      code = codeOf(() -> sender.send(new ProducerRecord<>(topic, "x".repeat(2_000_000))).get());
    }
    fill(topic, 1);
    return new TreeMap<>(Map.of("tooLarge", code, "afterwards", texts(readAll(topic, 1, 1)).get(0)));
  }

  private static Map<String, Object> autoCreation() throws Exception {
    String topic = own("nobody-made-this");
    try (Producer<String, String> sender = producer()) {
      sender.send(new ProducerRecord<>(topic, "first")).get();
    }
    return Map.of("read", texts(readAll(topic, 1, 1)));
  }

  private static Map<String, Object> offsets() throws Exception {
    String topic = own("offsets");
    String group = own("readers");
    make(topic, 1);
    fill(topic, 10);
    TopicPartition place = new TopicPartition(topic, 0);
    Map<String, Object> outcome = new TreeMap<>();
    try (Consumer<String, String> first = consumer("group.id", group, "max.poll.records", 4)) {
      first.subscribe(List.of(topic));
      outcome.put("first", texts(take(first, 4)));
      first.commitSync(Map.of(place, new OffsetAndMetadata(4, "note")));
    }
    try (Consumer<String, String> second = consumer("group.id", group, "max.poll.records", 1)) {
      second.subscribe(List.of(topic));
      outcome.put("resumed", texts(take(second, 1)).get(0));
      OffsetAndMetadata committed = second.committed(Set.of(place)).get(place);
      outcome.put("committed", committed.offset());
      outcome.put("note", committed.metadata());
      outcome.put("bounds", List.of(second.beginningOffsets(List.of(place)).get(place), second.endOffsets(List.of(place)).get(place)));
      var atTime = second.offsetsForTimes(Map.of(place, FIRST_MS + 5500)).get(place);
      outcome.put("atTime", atTime.offset());
      outcome.put("atTimeTimestamp", atTime.timestamp());
      outcome.put("afterAll", second.offsetsForTimes(Map.of(place, FIRST_MS + 999_999)).get(place));
      second.seek(place, 0);
      outcome.put("sought", texts(take(second, 1)).get(0));
    }
    return outcome;
  }

  private static Map<String, Object> idempotence() throws Exception {
    String topic = own("idempotence");
    make(topic, 1);
    try (Producer<String, String> sender = producer("enable.idempotence", true, "batch.size", 200)) {
      for (int number = 0; number < 300; number++) {
        sender.send(new ProducerRecord<>(topic, String.valueOf(number)));
      }
    }
    List<String> found = texts(readAll(topic, 300, 1));
    List<String> sent = IntStream.range(0, 300).mapToObj(String::valueOf).toList();
    return new TreeMap<>(Map.of("read", found.size(), "inOrder", found.equals(sent)));
  }

  private static Map<String, Object> transactions() throws Exception {
    String topic = own("tx");
    String name = own("writer");
    TopicPartition source = new TopicPartition(own("source"), 0);
    make(topic, 1);
    make(source.topic(), 1);
    Map<String, Object> outcome = new TreeMap<>();
    try (Producer<String, String> sender = producer("transactional.id", name);
        Consumer<String, String> copier = consumer("group.id", own("copiers"))) {
      sender.initTransactions();
      for (List<String> values : List.of(List.of("a1", "a2"), List.of("b1", "b2"), List.of("c1"))) {
        sender.beginTransaction();
        values.forEach(value -> sender.send(new ProducerRecord<>(topic, value)));
        if (values.contains("c1")) {
          sender.sendOffsetsToTransaction(Map.of(source, new OffsetAndMetadata(7)), copier.groupMetadata());
        }
        if (values.contains("b1")) {
          sender.flush();
          sender.abortTransaction();
        } else {
          sender.commitTransaction();
        }
      }
      sender.beginTransaction();
      sender.send(new ProducerRecord<>(topic, "d1")).get();
      outcome.put("committed", texts(readAll(topic, 3, 1, "isolation.level", "read_committed")));
      outcome.put("everything", texts(readAll(topic, 6, 1)));
      outcome.put("groupOffset", copier.committed(Set.of(source)).get(source).offset());
      try (Producer<String, String> heir = producer("transactional.id", name)) {
        heir.initTransactions();
        outcome.put("fenced", codeOf(sender::commitTransaction) != 0);
      }
    }
    return outcome;
  }

  private static Map<String, Object> administration() throws Exception {
    String topic = own("admin");
    String group = own("admins");
    TopicPartition place = new TopicPartition(topic, 0);
    Map<String, Object> outcome = new TreeMap<>();
    try (Admin admin = admin()) {
      NewTopic wanted = new NewTopic(topic, 2, (short) 1).configs(Map.of("retention.ms", "3600000"));
      admin.createTopics(List.of(wanted)).all().get();
      outcome.put("again", codeOf(() -> admin.createTopics(List.of(wanted)).all().get()));
      outcome.put("partitions", partitionCount(admin, topic));
      outcome.put("retention", retention(admin, topic));
      AlterConfigOp change = new AlterConfigOp(new ConfigEntry("retention.ms", "7200000"), AlterConfigOp.OpType.SET);
      admin.incrementalAlterConfigs(Map.of(resource(topic), List.of(change))).all().get();
      outcome.put("altered", retention(admin, topic));
      admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(4))).all().get();
      outcome.put("grown", partitionCount(admin, topic));
      outcome.put("shrunk", codeOf(() -> admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get()));
      fill(topic, 5);
      admin.deleteRecords(Map.of(place, RecordsToDelete.beforeOffset(3))).all().get();
      outcome.put("firstKept", Integer.parseInt(texts(readAll(topic, 1, 1)).get(0).substring(1)));
      try (Consumer<String, String> reader = consumer("group.id", group)) {
        reader.subscribe(List.of(topic));
        take(reader, 2);
        reader.commitSync(Map.of(place, new OffsetAndMetadata(5)));
      }
      groupAdministration(admin, group, place, outcome);
      admin.deleteTopics(List.of(topic)).all().get();
      outcome.put("listed", admin.listTopics().names().get().contains(topic));
      outcome.put("deletedAgain", codeOf(() -> admin.deleteTopics(List.of(topic)).all().get()));
    }
    return outcome;
  }

  private static void groupAdministration(Admin admin, String group, TopicPartition place, Map<String, Object> outcome)
      throws Exception {
    outcome.put("groupListed", groupNames(admin).contains(group));
    String state = admin.describeConsumerGroups(List.of(group)).all().get().get(group).groupState().toString();
    outcome.put("groupState", state);
    KafkaFuture<Map<TopicPartition, OffsetAndMetadata>> kept = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata();
    outcome.put("groupOffset", kept.get().get(place).offset());
    admin.deleteConsumerGroups(List.of(group)).all().get();
    outcome.put("groupLeft", groupNames(admin).contains(group));
  }

  private static Set<String> groupNames(Admin admin) throws Exception {
    return admin.listGroups().all().get().stream().map(found -> found.groupId()).collect(Collectors.toSet());
  }

  private static int partitionCount(Admin admin, String topic) throws Exception {
    return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size();
  }

  private static ConfigResource resource(String topic) {
    return new ConfigResource(ConfigResource.Type.TOPIC, topic);
  }

  private static String retention(Admin admin, String topic) throws Exception {
    return admin.describeConfigs(List.of(resource(topic))).all().get().get(resource(topic)).get("retention.ms").value();
  }

  private static String json(Object value) {
    if (value instanceof Map<?, ?> map) {
      return map.entrySet().stream().map(entry -> json(entry.getKey()) + ":" + json(entry.getValue())).collect(Collectors.joining(",", "{", "}"));
    }
    if (value instanceof List<?> list) {
      return list.stream().map(JavaClient::json).collect(Collectors.joining(",", "[", "]"));
    }
    return value instanceof String text ? "\"" + text + "\"" : String.valueOf(value);
  }
}
