import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A member of a consumer group with the Java client: tells what it was assigned and what it reads, commits behind each
 * batch, and leaves in order on SIGTERM. Arguments: topic, group.
 */
public final class JavaMember implements ConsumerRebalanceListener {
  private final TreeSet<Integer> mine = new TreeSet<>();

  public static void main(String[] args) {
    Map<String, Object> settings =
        Map.of(
            "bootstrap.servers", System.getenv("KAFKA"),
            "group.id", args[1],
            "auto.offset.reset", "earliest",
            "enable.auto.commit", false,
            "session.timeout.ms", 6000,
            "heartbeat.interval.ms", 500);
    Consumer<String, String> reader = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    Thread main = Thread.currentThread();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> leave(reader, main)));
    reader.subscribe(List.of(args[0]), new JavaMember());
    try (reader) {
      while (true) {
        readSome(reader);
      }
    } catch (WakeupException asked) {
      // The process is ending; the reader has been closed, which leaves the group.
    }
    System.out.println("left");
  }

  private static void readSome(Consumer<String, String> reader) {
    for (ConsumerRecord<String, String> record : reader.poll(Duration.ofMillis(200))) {
      System.out.println("read " + record.value());
    }
    try {
      reader.commitSync();
    } catch (RebalanceInProgressException meanwhile) {
      // What cannot be committed now is committed behind the next batch, or read by the next owner.
    }
  }

  /** The process may not end before the reader has said so to the broker. */
  private static void leave(Consumer<String, String> reader, Thread main) {
    reader.wakeup();
    try {
      main.join();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void onPartitionsRevoked(Collection<TopicPartition> gone) {
    gone.forEach(part -> mine.remove(part.partition()));
  }

  @Override
  public void onPartitionsAssigned(Collection<TopicPartition> added) {
    added.forEach(part -> mine.add(part.partition()));
    System.out.println("assigned " + mine.stream().map(String::valueOf).collect(Collectors.joining(",")));
  }
}
