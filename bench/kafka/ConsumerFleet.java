import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Many consumers of one group, a thread each, which together read a topic to its end; prints `BYTES bytes in SECONDS s`.
 * Everybody first joins and waits, paused, until all partitions are assigned; only what comes behind that is timed.
 * Arguments: server, topic, number of records, number of consumers.
 */
public final class ConsumerFleet {
  private static final Duration POLL = Duration.ofMillis(100);

  private final String topic;
  private final long recordCount;
  private final int partitionCount;
  private final AtomicInteger assigned = new AtomicInteger();
  private final AtomicLong records = new AtomicLong();
  private final AtomicLong bytes = new AtomicLong();
  private final AtomicLong startedNanos = new AtomicLong();
  private final AtomicLong endedNanos = new AtomicLong();

  private ConsumerFleet(String topic, long recordCount, int partitionCount) {
    this.topic = topic;
    this.recordCount = recordCount;
    this.partitionCount = partitionCount;
  }

  public static void main(String[] args) throws InterruptedException {
    String group = "fleet-" + UUID.randomUUID();
    int partitionCount;
    try (KafkaConsumer<byte[], byte[]> asking = consumer(args[0], group)) {
      partitionCount = asking.partitionsFor(args[1]).size();
    }
    ConsumerFleet fleet = new ConsumerFleet(args[1], Long.parseLong(args[2]), partitionCount);
    List<Thread> threads = new ArrayList<>();
    for (int number = 0; number < Integer.parseInt(args[3]); number++) {
      Thread thread = new Thread(() -> fleet.read(consumer(args[0], group)));
      // Whoever cannot go on must not leave the others waiting for ever.
      thread.setUncaughtExceptionHandler((failed, error) -> {
        error.printStackTrace();
        Runtime.getRuntime().halt(1);
      });
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) {
      thread.join();
    }
    double seconds = (fleet.endedNanos.get() - fleet.startedNanos.get()) / 1e9;
    System.out.printf("%d bytes in %.6f s%n", fleet.bytes.get(), seconds);
  }

  private static KafkaConsumer<byte[], byte[]> consumer(String server, String group) {
    Map<String, Object> settings =
        Map.of(
            "bootstrap.servers", server,
            "group.id", group,
            "auto.offset.reset", "earliest",
            "enable.auto.commit", false,
            "heartbeat.interval.ms", 500);
    return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  private void read(KafkaConsumer<byte[], byte[]> reader) {
    try (reader) {
      reader.subscribe(List.of(topic), new Assigned(reader));
      while (records.get() < recordCount) {
        if (startedNanos.get() == 0 && assigned.get() == partitionCount) {
          startedNanos.compareAndSet(0, System.nanoTime());
        }
        if (startedNanos.get() != 0 && !reader.paused().isEmpty()) {
          reader.resume(reader.paused());
        }
        for (ConsumerRecord<byte[], byte[]> record : reader.poll(POLL)) {
          bytes.addAndGet(record.serializedValueSize());
          if (records.incrementAndGet() == recordCount) {
            endedNanos.set(System.nanoTime());
          }
        }
      }
    }
  }

  /** Counts who has what; until the start nobody fetches. */
  private final class Assigned implements ConsumerRebalanceListener {
    private final KafkaConsumer<byte[], byte[]> reader;

    private Assigned(KafkaConsumer<byte[], byte[]> reader) {
      this.reader = reader;
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> gone) {
      assigned.addAndGet(-gone.size());
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> gone) {
      assigned.addAndGet(-gone.size());
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> added) {
      assigned.addAndGet(added.size());
      if (startedNanos.get() == 0) {
        reader.pause(reader.assignment());
      }
    }
  }
}
