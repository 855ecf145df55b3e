import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.resource.*;
import org.apache.kafka.common.serialization.*;

/**
 * Apache Kafka's own Java clients against a node: producers, consumers, groups and the admin client.
 * Usage: java -cp 'jars/*' Clients.java host:port. One line per case; the exit code is 1 if one failed.
 * MOLDAU_RESTART is a command that restarts the node on the same port.
 */
@SuppressWarnings("removal")
public class Clients {
    static String bootstrap;
    static final String run = Long.toString(System.nanoTime(), 36);
    static final ExecutorService pool = Executors.newCachedThreadPool(r -> {
        Thread t = new Thread(r);
        t.setDaemon(true);
        return t;
    });
    static int failed;

    interface Case {
        void run(String topic) throws Exception;
    }

    static String only = System.getenv().getOrDefault("CASE", "");

    static void test(String name, Case c) {
        if (!name.contains(only)) return;
        String topic = "java-" + name.replaceAll("[^A-Za-z0-9.-]+", "-") + "-" + run;
        Future<?> f = pool.submit(() -> {
            c.run(topic);
            return null;
        });
        try {
            f.get(60, TimeUnit.SECONDS);
            System.out.println("ok java: " + name);
        } catch (java.util.concurrent.TimeoutException e) {
            failed++;
            System.out.println("FAIL java: " + name + "\n  still running after 60 s");
            f.cancel(true);
        } catch (Exception e) {
            failed++;
            System.out.println("FAIL java: " + name + "\n  " + e.getCause());
            if (System.getenv("TRACE") != null) e.getCause().printStackTrace(System.out);
        }
    }

    static void check(boolean ok, Object what) {
        if (!ok) throw new AssertionError(String.valueOf(what));
    }

    static void equal(Object got, Object want, String what) {
        if (!Objects.equals(got, want)) throw new AssertionError(what + ": got " + got + ", want " + want);
    }

    /** Runs f, which must fail with an error of class want; gives the error. */
    static <T extends Throwable> T fails(Class<T> want, Callable<?> f) {
        Object got;
        try {
            got = f.call();
        } catch (Throwable e) {
            for (Throwable t = e; t != null; t = t.getCause()) if (want.isInstance(t)) return want.cast(t);
            throw new AssertionError("failed with " + e + ", want " + want.getSimpleName(), e);
        }
        throw new AssertionError("gave " + got + ", want " + want.getSimpleName());
    }

    static <T> T get(KafkaFuture<T> f) throws Exception {
        try {
            return f.get(30, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw (Exception) e.getCause();
        }
    }

    static void eventually(String what, Callable<Boolean> f) throws Exception {
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!f.call()) {
            if (System.nanoTime() > end) throw new AssertionError("never: " + what);
            Thread.sleep(20);
        }
    }

    static Admin admin() {
        return Admin.create(new HashMap<>(Map.of("bootstrap.servers", bootstrap, "default.api.timeout.ms", "30000")));
    }

    static KafkaProducer<String, String> producer(Object... kv) {
        return new KafkaProducer<>(props(kv), new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(Object... kv) {
        Map<String, Object> p = props(kv);
        p.putIfAbsent("auto.offset.reset", "earliest");
        return new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer());
    }

    static Map<String, Object> props(Object... kv) {
        Map<String, Object> p = new HashMap<>();
        p.put("bootstrap.servers", bootstrap);
        for (int i = 0; i < kv.length; i += 2) p.put((String) kv[i], kv[i + 1]);
        return p;
    }

    static void create(String topic, int partitions, String... configs) throws Exception {
        Map<String, String> c = new HashMap<>(Map.of("retention.ms", "-1")); // Timestamps are of 1970.
        for (int i = 0; i < configs.length; i += 2) c.put(configs[i], configs[i + 1]);
        try (Admin a = admin()) {
            get(a.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(c))).all());
        }
    }

    /** Sends n records to partition 0..p-1 in turn, with keys and values "0", "1", ... */
    static void produce(String topic, int n, int p, Object... kv) throws Exception {
        try (KafkaProducer<String, String> producer = producer(kv)) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < n; i++) sent.add(producer.send(new ProducerRecord<>(topic, i % p, 1000L + i, "" + i, "" + i)));
            for (Future<RecordMetadata> f : sent) f.get(30, TimeUnit.SECONDS);
        }
    }

    static List<ConsumerRecord<String, String>> poll(KafkaConsumer<String, String> c, int n) {
        List<ConsumerRecord<String, String>> got = new ArrayList<>();
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (got.size() < n && System.nanoTime() < end) c.poll(Duration.ofMillis(200)).forEach(got::add);
        return got;
    }

    static void assign(KafkaConsumer<String, String> c, String topic, int... partitions) {
        c.assign(IntStream.of(partitions).mapToObj(p -> new TopicPartition(topic, p)).collect(Collectors.toList()));
    }

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        producers();
        consumers();
        groups();
        adminTopics();
        adminConfigs();
        adminOffsets();
        adminCluster();
        refused();
        if (System.getenv("MOLDAU_RESTART") != null) restarts();
        System.exit(failed > 0 ? 1 : 0);
    }

    static void producers() {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            test("produce " + codec, topic -> {
                create(topic, 1);
                produce(topic, 1000, 1, "compression.type", codec, "linger.ms", "5");
                try (KafkaConsumer<String, String> c = consumer()) {
                    assign(c, topic, 0);
                    List<ConsumerRecord<String, String>> got = poll(c, 1000);
                    equal(got.size(), 1000, "records");
                    for (int i = 0; i < 1000; i++) {
                        equal(got.get(i).offset(), (long) i, "offset");
                        equal(got.get(i).key() + got.get(i).value(), "" + i + i, "key and value");
                        equal(got.get(i).timestamp(), 1000L + i, "timestamp");
                    }
                }
            });
        }
        for (String codec : List.of("gzip", "snappy", "lz4", "zstd", "uncompressed")) {
            test("topic compression.type=" + codec, topic -> {
                create(topic, 1, "compression.type", codec);
                produce(topic, 500, 1, "compression.type", "gzip", "linger.ms", "5");
                try (KafkaConsumer<String, String> c = consumer()) {
                    assign(c, topic, 0);
                    equal(poll(c, 500).size(), 500, "records");
                }
            });
        }
        for (String acks : List.of("0", "1", "all")) {
            test("acks=" + acks, topic -> {
                create(topic, 1);
                try (KafkaProducer<String, String> p = producer("acks", acks, "enable.idempotence", "false")) {
                    for (int i = 0; i < 100; i++) {
                        RecordMetadata m = p.send(new ProducerRecord<>(topic, "v")).get();
                        equal(m.hasOffset() ? m.offset() : -1L, acks.equals("0") ? -1L : i, "offset");
                    }
                }
                try (KafkaConsumer<String, String> c = consumer()) {
                    assign(c, topic, 0);
                    equal(poll(c, 100).size(), 100, "records");
                }
            });
        }
        test("idempotent producer, pipelined", topic -> {
            create(topic, 3);
            produce(topic, 30000, 3, "enable.idempotence", "true", "batch.size", "1000", "max.in.flight.requests.per.connection", "5");
            try (KafkaConsumer<String, String> c = consumer()) {
                assign(c, topic, 0, 1, 2);
                Map<Integer, Long> next = new HashMap<>();
                for (ConsumerRecord<String, String> r : poll(c, 30000)) {
                    equal(r.offset(), next.getOrDefault(r.partition(), 0L), "offset");
                    equal(r.value(), "" + (r.offset() * 3 + r.partition()), "order");
                    next.put(r.partition(), r.offset() + 1);
                }
                equal(next, Map.of(0, 10000L, 1, 10000L, 2, 10000L), "records");
            }
        });
        test("headers, null keys and values, LogAppendTime", topic -> {
            create(topic, 1, "message.timestamp.type", "LogAppendTime");
            long before = System.currentTimeMillis();
            try (KafkaProducer<String, String> p = producer()) {
                RecordMetadata m = p.send(new ProducerRecord<>(topic, 0, 5L, null, null, List.of(new RecordHeader("h", new byte[] {1}), new RecordHeader("h", null)))).get();
                check(m.timestamp() >= before - 1000, "timestamp " + m.timestamp());
            }
            try (KafkaConsumer<String, String> c = consumer()) {
                assign(c, topic, 0);
                ConsumerRecord<String, String> r = poll(c, 1).get(0);
                check(r.key() == null && r.value() == null, r);
                equal(r.headers().toArray().length, 2, "headers");
                equal(r.timestampType().toString(), "LogAppendTime", "timestamp type");
                check(r.timestamp() >= before - 1000, "timestamp " + r.timestamp());
            }
        });
        test("topic created by the first record", topic -> {
            produce(topic, 1, 1);
        });
        test("record too large", topic -> {
            create(topic, 1);
            try (KafkaProducer<String, String> p = producer("max.request.size", "10000000")) {
                fails(RecordTooLargeException.class, () -> p.send(new ProducerRecord<>(topic, "x".repeat(3000000))).get());
                equal(p.send(new ProducerRecord<>(topic, "small")).get().offset(), 0L, "offset after the refusal");
            }
        });
        test("8 MB record with max.message.bytes raised", topic -> {
            create(topic, 1, "max.message.bytes", "10000000");
            String big = "0123456789abcdef".repeat(500000);
            try (KafkaProducer<String, String> p = producer("max.request.size", "10000000", "buffer.memory", "40000000")) {
                p.send(new ProducerRecord<>(topic, big)).get();
                p.send(new ProducerRecord<>(topic, big)).get();
            }
            try (KafkaConsumer<String, String> c = consumer()) { // max.partition.fetch.bytes is smaller than the record.
                assign(c, topic, 0);
                List<ConsumerRecord<String, String>> got = poll(c, 2);
                equal(got.size(), 2, "records");
                equal(got.get(1).value(), big, "value");
            }
        });
        test("unknown partition", topic -> {
            create(topic, 1);
            try (KafkaProducer<String, String> p = producer("max.block.ms", "2000")) {
                fails(org.apache.kafka.common.errors.TimeoutException.class, () -> p.send(new ProducerRecord<>(topic, 7, "k", "v")).get());
            }
        });
        test("invalid timestamp", topic -> {
            create(topic, 1, "message.timestamp.after.max.ms", "1000");
            try (KafkaProducer<String, String> p = producer()) {
                fails(InvalidTimestampException.class, () -> p.send(new ProducerRecord<>(topic, 0, System.currentTimeMillis() + 3600000, "k", "v")).get());
            }
        });
    }

    static void consumers() {
        test("seek, position, pause, resume", topic -> {
            create(topic, 2);
            produce(topic, 200, 2);
            try (KafkaConsumer<String, String> c = consumer("max.poll.records", "10")) {
                assign(c, topic, 0, 1);
                TopicPartition p0 = new TopicPartition(topic, 0), p1 = new TopicPartition(topic, 1);
                c.seek(p0, 50);
                c.seekToEnd(List.of(p1));
                equal(c.position(p1), 100L, "position at the end");
                equal(poll(c, 50).get(0).offset(), 50L, "offset after seek");
                c.seekToBeginning(List.of(p0, p1));
                c.pause(List.of(p0));
                poll(c, 100).forEach(r -> equal(r.partition(), 1, "partition while the other is paused"));
                c.resume(List.of(p0));
                poll(c, 100).forEach(r -> equal(r.partition(), 0, "partition after resume"));
                equal(c.currentLag(p0).orElse(-1), 0L, "lag");
            }
        });
        test("beginningOffsets, endOffsets, offsetsForTimes, partitionsFor", topic -> {
            create(topic, 2);
            produce(topic, 200, 2); // Timestamps 1000 ... 1199.
            TopicPartition p0 = new TopicPartition(topic, 0), p1 = new TopicPartition(topic, 1);
            try (KafkaConsumer<String, String> c = consumer()) {
                equal(c.beginningOffsets(List.of(p0, p1)), Map.of(p0, 0L, p1, 0L), "beginning");
                equal(c.endOffsets(List.of(p0, p1)), Map.of(p0, 100L, p1, 100L), "end");
                Map<TopicPartition, OffsetAndTimestamp> found = c.offsetsForTimes(Map.of(p0, 1100L, p1, 5000L));
                equal(found.get(p0).offset() + "@" + found.get(p0).timestamp(), "50@1100", "offset for time");
                equal(found.get(p1), null, "offset for a time after the end");
                equal(c.partitionsFor(topic).size(), 2, "partitions");
                check(c.listTopics().containsKey(topic), "listTopics");
            }
        });
        test("offset out of range", topic -> {
            create(topic, 1);
            produce(topic, 10, 1);
            try (KafkaConsumer<String, String> c = consumer("auto.offset.reset", "none")) {
                assign(c, topic, 0);
                c.seek(new TopicPartition(topic, 0), 1000);
                fails(org.apache.kafka.clients.consumer.OffsetOutOfRangeException.class, () -> poll(c, 1));
            }
            try (KafkaConsumer<String, String> c = consumer("auto.offset.reset", "earliest")) {
                assign(c, topic, 0);
                c.seek(new TopicPartition(topic, 0), 1000);
                equal(poll(c, 10).size(), 10, "records after the reset");
            }
        });
        test("long poll ends with the first record", topic -> {
            create(topic, 1);
            try (KafkaConsumer<String, String> c = consumer("fetch.max.wait.ms", "10000")) {
                assign(c, topic, 0);
                c.poll(Duration.ofMillis(500));
                long start = System.nanoTime();
                produce(topic, 1, 1);
                equal(poll(c, 1).size(), 1, "records");
                check(System.nanoTime() - start < 5_000_000_000L, "the fetch waited on");
            }
        });
        test("read_committed", topic -> {
            create(topic, 1);
            produce(topic, 10, 1);
            try (KafkaConsumer<String, String> c = consumer("isolation.level", "read_committed")) {
                assign(c, topic, 0);
                equal(poll(c, 10).size(), 10, "records");
            }
        });
        test("fetch.max.bytes and max.partition.fetch.bytes small", topic -> {
            create(topic, 4);
            produce(topic, 2000, 4, "batch.size", "200");
            try (KafkaConsumer<String, String> c = consumer("fetch.max.bytes", "1000", "max.partition.fetch.bytes", "300")) {
                assign(c, topic, 0, 1, 2, 3);
                equal(poll(c, 2000).size(), 2000, "records");
            }
        });
        test("consumer with auto creation off", topic -> {
            try (KafkaConsumer<String, String> c = consumer("allow.auto.create.topics", "false")) {
                assign(c, topic, 0);
                c.poll(Duration.ofMillis(500));
                check(!c.listTopics().containsKey(topic), "the topic was created");
            }
        });
    }

    /** A member of a group in its own thread, until it is closed. */
    static class Member implements AutoCloseable, ConsumerRebalanceListener {
        final KafkaConsumer<String, String> consumer;
        final AtomicBoolean stop = new AtomicBoolean();
        final Set<TopicPartition> owned = ConcurrentHashMap.newKeySet();
        final Queue<ConsumerRecord<String, String>> records = new ConcurrentLinkedQueue<>();
        final AtomicReference<Exception> error = new AtomicReference<>();
        final List<String> events = Collections.synchronizedList(new ArrayList<>());
        final Future<?> done;

        Member(String topic, Object... kv) {
            consumer = consumer(kv);
            consumer.subscribe(List.of(topic), this);
            done = pool.submit(() -> {
                try {
                    while (!stop.get()) consumer.poll(Duration.ofMillis(50)).forEach(records::add);
                } catch (Exception e) {
                    error.set(e);
                } finally {
                    consumer.close();
                }
            });
        }

        public void onPartitionsAssigned(Collection<TopicPartition> p) {
            events.add("assigned " + p.size());
            owned.addAll(p);
        }

        public void onPartitionsRevoked(Collection<TopicPartition> p) {
            events.add("revoked " + p.size());
            owned.removeAll(p);
        }

        public void onPartitionsLost(Collection<TopicPartition> p) {
            events.add("lost " + p.size());
            owned.removeAll(p);
        }

        public void close() throws Exception {
            stop.set(true);
            done.get(30, TimeUnit.SECONDS);
        }
    }

    /** A cooperative member that commits what it has read before it reads on, and before it gives a partition away. */
    static class Committer implements AutoCloseable, ConsumerRebalanceListener {
        final KafkaConsumer<String, String> consumer;
        final AtomicBoolean stop = new AtomicBoolean();
        final Set<Integer> owned = new ConcurrentSkipListSet<>();
        final List<Integer> revoked = new CopyOnWriteArrayList<>(), lost = new CopyOnWriteArrayList<>();
        final AtomicReference<Exception> error = new AtomicReference<>();
        final Future<?> done;

        Committer(String topic, Queue<ConsumerRecord<String, String>> all) {
            consumer = consumer("group.id", topic, "enable.auto.commit", "false", "partition.assignment.strategy", CooperativeStickyAssignor.class.getName());
            consumer.subscribe(List.of(topic), this);
            done = pool.submit(() -> {
                try {
                    for (boolean committed = true; !stop.get() || !committed; ) {
                        consumer.poll(Duration.ofMillis(50)).forEach(all::add);
                        committed = commit(consumer.assignment());
                    }
                } catch (Exception e) {
                    error.set(e);
                } finally {
                    consumer.close();
                }
            });
        }

        /** Gives false while the group rebalances: the next poll takes part in that, and then it is to be tried again. */
        boolean commit(Collection<TopicPartition> partitions) {
            Map<TopicPartition, OffsetAndMetadata> read = new HashMap<>();
            for (TopicPartition p : partitions) read.put(p, new OffsetAndMetadata(consumer.position(p)));
            try {
                if (!read.isEmpty()) consumer.commitSync(read);
                return true;
            } catch (RebalanceInProgressException e) {
                return false;
            }
        }

        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            partitions.forEach(p -> owned.add(p.partition()));
        }

        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            if (!commit(partitions)) error.set(new IllegalStateException("what was read of " + partitions + " cannot be committed any more"));
            partitions.forEach(p -> revoked.add(p.partition()));
            partitions.forEach(p -> owned.remove(p.partition()));
        }

        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            partitions.forEach(p -> lost.add(p.partition()));
            partitions.forEach(p -> owned.remove(p.partition()));
        }

        /** Gives what it owns now; fails unless it was asked for exactly what it has no longer, each once. */
        Set<Integer> gaveUpOnly(Set<Integer> before, int count) {
            Set<Integer> gone = new TreeSet<>(before);
            gone.removeAll(owned);
            equal(gone.size(), count, "partitions that moved");
            equal(revoked.stream().sorted().collect(Collectors.toList()), List.copyOf(gone), "partitions revoked");
            equal(lost, List.of(), "partitions lost");
            return new TreeSet<>(owned);
        }

        public void close() throws Exception {
            stop.set(true);
            done.get(30, TimeUnit.SECONDS);
        }
    }

    /**
     * Members join and leave a group while records come. What stays with a member is not taken from it even for a
     * moment, and the group reads every record once.
     */
    static void cooperative(String topic) throws Exception {
        int partitions = 6;
        create(topic, partitions);
        Set<Integer> six = IntStream.range(0, partitions).boxed().collect(Collectors.toCollection(TreeSet::new));
        Queue<ConsumerRecord<String, String>> all = new ConcurrentLinkedQueue<>();
        AtomicBoolean stop = new AtomicBoolean();
        Future<Integer> producing = pool.submit(() -> {
            int sent = 0;
            try (KafkaProducer<String, String> p = producer()) {
                for (; !stop.get(); sent++) {
                    p.send(new ProducerRecord<>(topic, sent % partitions, "k", "v")).get(30, TimeUnit.SECONDS);
                    Thread.sleep(1); // The rate.
                }
            }
            return sent;
        });
        int sent;
        List<Committer> members = new ArrayList<>();
        try (Committer a = new Committer(topic, all)) {
            members.add(a);
            eventually("one member owns all", () -> a.owned.equals(six));
            try (Committer b = new Committer(topic, all)) {
                members.add(b);
                eventually("two share", () -> a.owned.size() == 3 && b.owned.size() == 3);
                a.gaveUpOnly(six, 3);
                Set<Integer> ofB = b.gaveUpOnly(b.owned, 0);
                int before = all.size();
                eventually("they read on", () -> all.size() > before + 100);
                try (Committer c = new Committer(topic, all)) {
                    members.add(c);
                    eventually("three share", () -> a.owned.size() == 2 && b.owned.size() == 2 && c.owned.size() == 2);
                    a.gaveUpOnly(six, 4);
                    b.gaveUpOnly(ofB, 1);
                    c.gaveUpOnly(c.owned, 0);
                    try (Admin admin = admin()) {
                        ConsumerGroupDescription d = get(admin.describeConsumerGroups(List.of(topic)).all()).get(topic);
                        equal(d.members().size(), 3, "members");
                        equal(d.groupState().toString(), "Stable", "state");
                        equal(d.members().stream().mapToInt(m -> m.assignment().topicPartitions().size()).sum(), partitions, "assigned");
                    }
                }
            }
            List<Integer> before = List.copyOf(a.revoked);
            eventually("the last owns all again", () -> a.owned.equals(six));
            equal(a.revoked, before, "partitions revoked after the others had left");
            stop.set(true);
            sent = producing.get(30, TimeUnit.SECONDS);
            eventually("all is read", () -> all.size() >= sent);
        } finally {
            stop.set(true);
        }
        // What is read twice may come late: nobody reads any more when it is counted.
        for (Committer m : members) equal(m.error.get(), null, "error");
        Map<Integer, Long> next = new TreeMap<>();
        for (ConsumerRecord<String, String> r : all) {
            equal(r.offset(), next.getOrDefault(r.partition(), 0L), "the next offset that was read of partition " + r.partition());
            next.put(r.partition(), r.offset() + 1);
        }
        equal(all.size(), sent, "records read");
        try (Admin admin = admin()) {
            Map<Integer, Long> committed = new TreeMap<>();
            get(admin.listConsumerGroupOffsets(topic).partitionsToOffsetAndMetadata()).forEach((p, o) -> committed.put(p.partition(), o.offset()));
            equal(committed, next, "offsets committed");
        }
    }

    static void groups() {
        for (String assignor : List.of("Range", "RoundRobin", "Sticky")) {
            test("group " + assignor, topic -> {
                create(topic, 6);
                produce(topic, 600, 6);
                Object[] kv = {"group.id", topic, "partition.assignment.strategy", "org.apache.kafka.clients.consumer." + assignor + "Assignor"};
                try (Member a = new Member(topic, kv)) {
                    eventually("one member owns all", () -> a.owned.size() == 6);
                    eventually("it reads all", () -> a.records.size() == 600);
                    try (Member b = new Member(topic, kv); Member c = new Member(topic, kv)) {
                        eventually("three members share", () -> a.owned.size() == 2 && b.owned.size() == 2 && c.owned.size() == 2);
                        Set<TopicPartition> all = new HashSet<>(a.owned);
                        all.addAll(b.owned);
                        all.addAll(c.owned);
                        equal(all.size(), 6, "partitions owned");
                        try (Admin admin = admin()) {
                            ConsumerGroupDescription d = get(admin.describeConsumerGroups(List.of(topic)).all()).get(topic);
                            equal(d.members().size(), 3, "members");
                            equal(d.groupState().toString(), "Stable", "state");
                            equal(d.members().stream().mapToInt(m -> m.assignment().topicPartitions().size()).sum(), 6, "assigned");
                        }
                    }
                    eventually("the last owns all again", () -> a.owned.size() == 6);
                    equal(a.error.get(), null, "error");
                    equal(a.records.size(), 600, "records; the offsets of those that left were committed");
                }
            });
        }
        test("group CooperativeSticky", Clients::cooperative);
        test("group, static membership", topic -> {
            create(topic, 4);
            Object[] a = {"group.id", topic, "group.instance.id", "a", "session.timeout.ms", "20000"};
            Object[] b = {"group.id", topic, "group.instance.id", "b", "session.timeout.ms", "20000"};
            try (Member ma = new Member(topic, a)) {
                Set<TopicPartition> before;
                try (Member mb = new Member(topic, b)) {
                    eventually("two share", () -> ma.owned.size() == 2 && mb.owned.size() == 2);
                    before = Set.copyOf(mb.owned);
                }
                int events = ma.events.size();
                try (Member mb = new Member(topic, b)) { // Comes back before its session has ended: no rebalance.
                    eventually("it has its partitions back", () -> mb.owned.equals(before));
                    equal(ma.events.size(), events, "rebalances of the other: " + ma.events);
                    try (Member second = new Member(topic, b)) { // The same instance twice: the older one is fenced.
                        eventually("the older is fenced", () -> mb.error.get() instanceof FencedInstanceIdException);
                        eventually("the newer owns", () -> second.owned.equals(before));
                    }
                }
                try (Admin admin = admin()) {
                    get(admin.removeMembersFromConsumerGroup(topic, new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("b")))).all());
                }
                eventually("the other takes over", () -> ma.owned.size() == 4);
            }
        });
        test("group, session timeout", topic -> {
            create(topic, 2);
            try (Member a = new Member(topic, "group.id", topic)) {
                KafkaConsumer<String, String> dead = consumer("group.id", topic, "session.timeout.ms", "6000", "max.poll.interval.ms", "6000", "heartbeat.interval.ms", "1000");
                dead.subscribe(List.of(topic));
                eventually("two share", () -> {
                    dead.poll(Duration.ofMillis(50));
                    return a.owned.size() == 1;
                });
                eventually("the one that does not poll is put out", () -> a.owned.size() == 2);
                dead.close(CloseOptions.timeout(Duration.ZERO));
            }
        });
        test("commitSync, committed, commitAsync, metadata", topic -> {
            create(topic, 1);
            produce(topic, 100, 1);
            TopicPartition tp = new TopicPartition(topic, 0);
            try (KafkaConsumer<String, String> c = consumer("group.id", topic, "enable.auto.commit", "false", "max.poll.records", "10")) {
                c.subscribe(List.of(topic));
                poll(c, 10);
                c.commitSync(Map.of(tp, new OffsetAndMetadata(7, Optional.of(0), "note")));
                OffsetAndMetadata m = c.committed(Set.of(tp)).get(tp);
                equal(m.offset() + m.metadata(), "7note", "committed");
                CompletableFuture<Exception> done = new CompletableFuture<>();
                c.commitAsync(Map.of(tp, new OffsetAndMetadata(42)), (o, e) -> done.complete(e));
                eventually("the commit is answered", () -> {
                    c.poll(Duration.ofMillis(10));
                    return done.isDone();
                });
                equal(done.get(), null, "commitAsync");
                fails(OffsetMetadataTooLarge.class, () -> {
                    c.commitSync(Map.of(tp, new OffsetAndMetadata(7, "x".repeat(5000))));
                    return "no error";
                });
            }
            try (KafkaConsumer<String, String> c = consumer("group.id", topic)) {
                c.subscribe(List.of(topic));
                equal(poll(c, 1).get(0).offset(), 42L, "first offset of the next member");
            }
        });
        test("subscribe by pattern, topic created and partitions added later", topic -> {
            create(topic + "-1", 1);
            try (KafkaConsumer<String, String> c = consumer("group.id", topic, "metadata.max.age.ms", "500", "enable.auto.commit", "false")) {
                c.subscribe(java.util.regex.Pattern.compile(java.util.regex.Pattern.quote(topic) + "-.*"));
                eventually("first", () -> {
                    c.poll(Duration.ofMillis(50));
                    return c.assignment().size() == 1;
                });
                create(topic + "-2", 2);
                try (Admin a = admin()) {
                    get(a.createPartitions(Map.of(topic + "-1", NewPartitions.increaseTo(3))).all());
                }
                eventually("the new ones", () -> {
                    c.poll(Duration.ofMillis(50));
                    return c.assignment().size() == 5;
                });
                try (Admin a = admin()) {
                    get(a.deleteTopics(List.of(topic + "-2")).all());
                }
                eventually("the deleted topic is gone", () -> {
                    c.poll(Duration.ofMillis(50));
                    return c.assignment().size() == 3;
                });
            }
        });
        test("enforceRebalance, groupMetadata, leave by close option", topic -> {
            create(topic, 2);
            try (KafkaConsumer<String, String> c = consumer("group.id", topic)) {
                c.subscribe(List.of(topic));
                eventually("assigned", () -> {
                    c.poll(Duration.ofMillis(50));
                    return c.assignment().size() == 2;
                });
                int generation = c.groupMetadata().generationId();
                c.enforceRebalance("a test");
                eventually("next generation", () -> {
                    c.poll(Duration.ofMillis(50));
                    return c.groupMetadata().generationId() > generation && c.assignment().size() == 2;
                });
            }
            try (Admin a = admin()) {
                eventually("empty", () -> get(a.describeConsumerGroups(List.of(topic)).all()).get(topic).members().isEmpty());
            }
        });
    }

    static void adminTopics() {
        test("createTopics, validateOnly, errors", topic -> {
            try (Admin a = admin()) {
                CreateTopicsResult r = a.createTopics(List.of(new NewTopic(topic, 3, (short) 1).configs(Map.of("retention.ms", "5000"))), new CreateTopicsOptions().validateOnly(true));
                equal(get(r.numPartitions(topic)) + "/" + get(r.replicationFactor(topic)), "3/1", "of the validation");
                equal(get(r.config(topic)).get("retention.ms").value(), "5000", "config");
                check(!get(a.listTopics().names()).contains(topic), "the validation created it");
                r = a.createTopics(List.of(new NewTopic(topic, Optional.empty(), Optional.empty())));
                check(!get(r.topicId(topic)).equals(Uuid.ZERO_UUID), "topic id");
                fails(TopicExistsException.class, () -> get(a.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all()));
                fails(InvalidTopicException.class, () -> get(a.createTopics(List.of(new NewTopic("no spaces", 1, (short) 1))).all()));
                fails(InvalidReplicationFactorException.class, () -> get(a.createTopics(List.of(new NewTopic(topic + "x", 1, (short) 3))).all()));
                fails(InvalidPartitionsException.class, () -> get(a.createTopics(List.of(new NewTopic(topic + "x", 0, (short) 1))).all()));
                fails(InvalidConfigurationException.class, () -> get(a.createTopics(List.of(new NewTopic(topic + "x", 1, (short) 1).configs(Map.of("nope", "1")))).all()));
                fails(InvalidReplicaAssignmentException.class, () -> get(a.createTopics(List.of(new NewTopic(topic + "x", Map.of(0, List.of(99))))).all()));
                get(a.createTopics(List.of(new NewTopic(topic + "y", Map.of(0, List.of(1), 1, List.of(1))))).all());
            }
        });
        test("listTopics, describeTopics by name and by id", topic -> {
            create(topic, 3);
            try (Admin a = admin()) {
                TopicListing l = get(a.listTopics().namesToListings()).get(topic);
                check(!l.isInternal(), "internal");
                TopicDescription d = get(a.describeTopics(List.of(topic)).allTopicNames()).get(topic);
                equal(d.partitions().size(), 3, "partitions");
                equal(d.topicId(), l.topicId(), "id");
                d.partitions().forEach(p -> equal(p.leader().id() + " " + p.replicas().size() + " " + p.isr().size(), "1 1 1", "leader, replicas, isr"));
                equal(get(a.describeTopics(TopicCollection.ofTopicIds(List.of(l.topicId()))).allTopicIds()).get(l.topicId()).name(), topic, "name");
                fails(UnknownTopicOrPartitionException.class, () -> get(a.describeTopics(List.of("nope")).allTopicNames()));
                fails(UnknownTopicIdException.class, () -> get(a.describeTopics(TopicCollection.ofTopicIds(List.of(Uuid.randomUuid()))).allTopicIds()));
            }
        });
        test("createPartitions", topic -> {
            create(topic, 1);
            try (Admin a = admin()) {
                get(a.createPartitions(Map.of(topic, NewPartitions.increaseTo(4)), new CreatePartitionsOptions().validateOnly(true)).all());
                equal(get(a.describeTopics(List.of(topic)).allTopicNames()).get(topic).partitions().size(), 1, "partitions after validation");
                get(a.createPartitions(Map.of(topic, NewPartitions.increaseTo(3, List.of(List.of(1), List.of(1))))).all());
                equal(get(a.describeTopics(List.of(topic)).allTopicNames()).get(topic).partitions().size(), 3, "partitions");
                fails(InvalidPartitionsException.class, () -> get(a.createPartitions(Map.of(topic, NewPartitions.increaseTo(2))).all()));
                fails(UnknownTopicOrPartitionException.class, () -> get(a.createPartitions(Map.of("nope", NewPartitions.increaseTo(2))).all()));
            }
            produce(topic, 30, 3);
        });
        test("deleteTopics by name and by id, same name again", topic -> {
            try (Admin a = admin()) {
                create(topic, 1);
                produce(topic, 10, 1);
                Uuid id = get(a.describeTopics(List.of(topic)).allTopicNames()).get(topic).topicId();
                get(a.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all());
                check(!get(a.listTopics().names()).contains(topic), "still there");
                fails(UnknownTopicIdException.class, () -> get(a.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all()));
                fails(UnknownTopicOrPartitionException.class, () -> get(a.deleteTopics(List.of(topic)).all()));
                create(topic, 2);
                produce(topic, 20, 2);
                get(a.deleteTopics(List.of(topic)).all());
            }
        });
        test("deleteRecords", topic -> {
            create(topic, 1);
            produce(topic, 100, 1);
            TopicPartition tp = new TopicPartition(topic, 0);
            try (Admin a = admin(); KafkaConsumer<String, String> c = consumer()) {
                equal(get(a.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(40))).lowWatermarks().get(tp)).lowWatermark(), 40L, "low watermark");
                equal(c.beginningOffsets(List.of(tp)).get(tp), 40L, "beginning");
                assign(c, topic, 0);
                equal(poll(c, 60).get(0).offset(), 40L, "first record");
                equal(get(a.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(-1))).lowWatermarks().get(tp)).lowWatermark(), 100L, "low watermark");
                fails(org.apache.kafka.common.errors.OffsetOutOfRangeException.class, () -> get(a.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(500))).all()));
            }
        });
        test("listOffsets of every kind", topic -> {
            create(topic, 1);
            TopicPartition tp = new TopicPartition(topic, 0);
            try (Admin a = admin(); KafkaProducer<String, String> p = producer()) {
                equal(get(a.listOffsets(Map.of(tp, OffsetSpec.maxTimestamp())).partitionResult(tp)).offset(), -1L, "max timestamp of nothing");
                for (long ts : new long[] {1000, 9000, 2000}) p.send(new ProducerRecord<>(topic, 0, ts, "k", "v")).get();
                Map<OffsetSpec, String> want = new LinkedHashMap<>();
                want.put(OffsetSpec.earliest(), "0@-1");
                want.put(OffsetSpec.latest(), "3@-1");
                want.put(OffsetSpec.maxTimestamp(), "1@9000");
                want.put(OffsetSpec.forTimestamp(1500), "1@9000");
                want.put(OffsetSpec.forTimestamp(9500), "-1@-1");
                want.put(OffsetSpec.earliestLocal(), "0@-1");
                want.put(OffsetSpec.latestTiered(), "-1@-1");
                for (Map.Entry<OffsetSpec, String> w : want.entrySet()) {
                    ListOffsetsResult.ListOffsetsResultInfo i = get(a.listOffsets(Map.of(tp, w.getKey())).partitionResult(tp));
                    equal(i.offset() + "@" + i.timestamp(), w.getValue(), w.getKey().getClass().getSimpleName());
                }
                TopicPartition nope = new TopicPartition("nope-" + run, 0);
                fails(UnknownTopicOrPartitionException.class, () -> {
                    try (Admin short_ = Admin.create(props("bootstrap.servers", bootstrap, "default.api.timeout.ms", "3000", "request.timeout.ms", "1000"))) {
                        return get(short_.listOffsets(Map.of(nope, OffsetSpec.latest())).partitionResult(nope));
                    }
                });
            }
        });
    }

    static void adminConfigs() {
        test("describeConfigs with synonyms and documentation", topic -> {
            create(topic, 1, "retention.ms", "5000");
            ConfigResource t = new ConfigResource(ConfigResource.Type.TOPIC, topic), b = new ConfigResource(ConfigResource.Type.BROKER, "1");
            try (Admin a = admin()) {
                Map<ConfigResource, Config> all = get(a.describeConfigs(List.of(t, b), new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true)).all());
                ConfigEntry e = all.get(t).get("retention.ms");
                equal(e.value() + e.source() + e.type() + e.isDefault(), "5000DYNAMIC_TOPIC_CONFIGLONGfalse", "entry");
                List<ConfigEntry.ConfigSynonym> synonyms = all.get(t).get("segment.bytes").synonyms();
                equal(synonyms.get(synonyms.size() - 1).name(), "log.segment.bytes", "last synonym");
                check(e.documentation() != null && e.documentation().length() > 20, "documentation");
                check(all.get(b).entries().size() > 200, "only " + all.get(b).entries().size() + " broker configs");
                check(all.get(b).get("log.dirs").isReadOnly(), "log.dirs is read-only");
                fails(UnknownTopicOrPartitionException.class, () -> get(a.describeConfigs(List.of(new ConfigResource(ConfigResource.Type.TOPIC, "nope"))).all()));
                ConfigResource loggers = new ConfigResource(ConfigResource.Type.BROKER_LOGGER, "1"), group = new ConfigResource(ConfigResource.Type.GROUP, "g");
                get(a.describeConfigs(List.of(loggers, group)).all());
            }
        });
        test("incrementalAlterConfigs", topic -> {
            create(topic, 1);
            ConfigResource t = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            try (Admin a = admin()) {
                alter(a, t, "retention.ms", "7000", AlterConfigOp.OpType.SET);
                alter(a, t, "cleanup.policy", "compact", AlterConfigOp.OpType.APPEND);
                equal(get(a.describeConfigs(List.of(t)).all()).get(t).get("cleanup.policy").value(), "delete,compact", "after APPEND");
                alter(a, t, "cleanup.policy", "compact", AlterConfigOp.OpType.SUBTRACT);
                equal(get(a.describeConfigs(List.of(t)).all()).get(t).get("cleanup.policy").value(), "delete", "after SUBTRACT");
                alter(a, t, "retention.ms", "", AlterConfigOp.OpType.DELETE);
                equal(get(a.describeConfigs(List.of(t)).all()).get(t).get("retention.ms").value(), "604800000", "after DELETE");
                fails(InvalidConfigurationException.class, () -> alter(a, t, "retention.ms", "x", AlterConfigOp.OpType.SET));
                fails(InvalidConfigurationException.class, () -> alter(a, t, "nope", "x", AlterConfigOp.OpType.SET));
                fails(UnknownTopicOrPartitionException.class, () -> alter(a, new ConfigResource(ConfigResource.Type.TOPIC, "nope"), "retention.ms", "1", AlterConfigOp.OpType.SET));
                ConfigResource b = new ConfigResource(ConfigResource.Type.BROKER, "1"), all = new ConfigResource(ConfigResource.Type.BROKER, "");
                alter(a, all, "log.retention.ms", "9000", AlterConfigOp.OpType.SET);
                eventually("a topic follows the cluster's default", () -> get(a.describeConfigs(List.of(t)).all()).get(t).get("retention.ms").value().equals("9000"));
                alter(a, all, "log.retention.ms", "", AlterConfigOp.OpType.DELETE);
                fails(InvalidRequestException.class, () -> alter(a, b, "log.dirs", "/x", AlterConfigOp.OpType.SET));
            }
        });
    }

    static Object alter(Admin a, ConfigResource r, String key, String value, AlterConfigOp.OpType op) throws Exception {
        return get(a.incrementalAlterConfigs(Map.of(r, List.of(new AlterConfigOp(new ConfigEntry(key, value), op)))).all());
    }

    static void adminOffsets() {
        test("alter, list and delete group offsets; list and delete groups", topic -> {
            create(topic, 2);
            produce(topic, 100, 2);
            TopicPartition p0 = new TopicPartition(topic, 0), p1 = new TopicPartition(topic, 1);
            try (Admin a = admin()) {
                get(a.alterConsumerGroupOffsets(topic, Map.of(p0, new OffsetAndMetadata(5), p1, new OffsetAndMetadata(6, "m"))).all());
                Map<TopicPartition, OffsetAndMetadata> o = get(a.listConsumerGroupOffsets(topic).partitionsToOffsetAndMetadata());
                equal(o.get(p0).offset() + "," + o.get(p1).offset() + o.get(p1).metadata(), "5,6m", "offsets");
                check(get(a.listConsumerGroups().all()).stream().anyMatch(g -> g.groupId().equals(topic)), "listConsumerGroups");
                check(get(a.listGroups().all()).stream().anyMatch(g -> g.groupId().equals(topic)), "listGroups");
                get(a.deleteConsumerGroupOffsets(topic, Set.of(p0)).all());
                equal(get(a.listConsumerGroupOffsets(topic).partitionsToOffsetAndMetadata()).get(p0), null, "deleted offset");
                try (Member m = new Member(topic, "group.id", topic)) {
                    eventually("stable", () -> m.owned.size() == 2);
                    fails(GroupNotEmptyException.class, () -> get(a.deleteConsumerGroups(List.of(topic)).all()));
                    fails(GroupSubscribedToTopicException.class, () -> get(a.deleteConsumerGroupOffsets(topic, Set.of(p1)).all()));
                    fails(UnknownMemberIdException.class, () -> get(a.alterConsumerGroupOffsets(topic, Map.of(p0, new OffsetAndMetadata(5))).all()));
                }
                get(a.deleteConsumerGroups(List.of(topic)).all());
                fails(GroupIdNotFoundException.class, () -> get(a.deleteConsumerGroups(List.of(topic)).all()));
                fails(GroupIdNotFoundException.class, () -> get(a.describeConsumerGroups(List.of(topic)).all()));
            }
        });
    }

    static void adminCluster() {
        test("describeCluster", topic -> {
            try (Admin a = admin()) {
                DescribeClusterResult d = a.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true));
                equal(get(d.clusterId()).length(), 22, "length of the cluster id");
                equal(get(d.nodes()).size(), 1, "nodes");
                equal(get(d.controller()).id(), 1, "controller");
            }
        });
        test("describeLogDirs", topic -> {
            create(topic, 1);
            produce(topic, 100, 1);
            try (Admin a = admin()) {
                Map<String, LogDirDescription> dirs = get(a.describeLogDirs(List.of(1)).allDescriptions()).get(1);
                LogDirDescription d = dirs.values().iterator().next();
                check(d.error() == null, d.error());
                check(d.replicaInfos().get(new TopicPartition(topic, 0)).size() > 100, "size");
                check(d.totalBytes().getAsLong() > 0 && d.usableBytes().getAsLong() > 0, "bytes");
                TopicPartitionReplica r = new TopicPartitionReplica(topic, 0, 1);
                check(get(a.describeReplicaLogDirs(List.of(r)).all()).get(r).getCurrentReplicaLogDir() != null, "replica's folder");
            }
        });
        test("describeFeatures", topic -> {
            try (Admin a = admin()) {
                FeatureMetadata f = get(a.describeFeatures().featureMetadata());
                check(f.finalizedFeatures().containsKey("metadata.version"), f);
                fails(ApiException.class, () -> get(a.updateFeatures(Map.of("nope", new FeatureUpdate((short) 1, FeatureUpdate.UpgradeType.UPGRADE)), new UpdateFeaturesOptions()).all()));
            }
        });
        test("describeMetadataQuorum", topic -> {
            try (Admin a = admin()) {
                QuorumInfo q = get(a.describeMetadataQuorum().quorumInfo());
                equal(q.leaderId(), 1, "leader");
                equal(q.voters().size(), 1, "voters");
                check(q.highWatermark() > 0, "high watermark");
            }
        });
        test("electLeaders", topic -> {
            create(topic, 2);
            try (Admin a = admin()) {
                TopicPartition tp = new TopicPartition(topic, 0), nope = new TopicPartition("nope", 0);
                Map<TopicPartition, Optional<Throwable>> r = get(a.electLeaders(ElectionType.PREFERRED, Set.of(tp, nope)).partitions());
                check(r.get(tp).get() instanceof ElectionNotNeededException, r);
                check(r.get(nope).get() instanceof UnknownTopicOrPartitionException, r);
                get(a.electLeaders(ElectionType.PREFERRED, null).all());
            }
        });
        test("describeProducers", topic -> {
            create(topic, 1);
            produce(topic, 10, 1);
            TopicPartition tp = new TopicPartition(topic, 0);
            try (Admin a = admin()) {
                List<ProducerState> s = get(a.describeProducers(List.of(tp)).partitionResult(tp)).activeProducers();
                equal(s.size(), 1, "producers");
                equal(s.get(0).lastSequence(), 9, "last sequence");
            }
        });
        test("listPartitionReassignments, alterPartitionReassignments", topic -> {
            create(topic, 1);
            TopicPartition tp = new TopicPartition(topic, 0);
            try (Admin a = admin()) {
                check(get(a.listPartitionReassignments().reassignments()).isEmpty(), "reassignments");
                get(a.alterPartitionReassignments(Map.of(tp, Optional.of(new NewPartitionReassignment(List.of(1))))).all());
                fails(InvalidReplicaAssignmentException.class, () -> get(a.alterPartitionReassignments(Map.of(tp, Optional.of(new NewPartitionReassignment(List.of(99))))).all()));
                fails(NoReassignmentInProgressException.class, () -> get(a.alterPartitionReassignments(Map.of(tp, Optional.empty())).all()));
            }
        });
        test("listConfigResources, client metrics", topic -> {
            try (Admin a = admin()) {
                get(a.listConfigResources().all());
                get(a.listConfigResources(Set.of(ConfigResource.Type.CLIENT_METRICS), new ListConfigResourcesOptions()).all());
            }
        });
        test("unregisterBroker of an unknown broker", topic -> {
            try (Admin a = admin()) {
                fails(BrokerIdNotRegisteredException.class, () -> get(a.unregisterBroker(99).all()));
            }
        });
    }

    /** What the node does not have yet must fail at once and for good, not hang. */
    static void refused() {
        test("refused: transactions", topic -> {
            create(topic, 1);
            try (KafkaProducer<String, String> p = producer("transactional.id", topic, "max.block.ms", "20000")) {
                refusedAtOnce(() -> {
                    p.initTransactions();
                    return null;
                });
            }
        });
        test("refused: group.protocol=consumer", topic -> {
            create(topic, 1);
            KafkaConsumer<String, String> c = consumer("group.id", topic, "group.protocol", "consumer");
            try {
                c.subscribe(List.of(topic));
                refusedAtOnce(() -> poll(c, 1));
            } finally {
                c.close(CloseOptions.timeout(Duration.ofSeconds(1)));
            }
        });
        test("refused: share consumer", topic -> {
            create(topic, 1);
            try (KafkaShareConsumer<String, String> c = new KafkaShareConsumer<>(props("group.id", topic), new StringDeserializer(), new StringDeserializer())) {
                c.subscribe(List.of(topic));
                refusedAtOnce(() -> {
                    for (int i = 0; i < 100; i++) c.poll(Duration.ofMillis(200));
                    return null;
                });
            }
        });
        test("refused: ACLs, quotas, SCRAM, delegation tokens, listTransactions", topic -> {
            try (Admin a = admin()) {
                refusedAtOnce(() -> get(a.describeAcls(AclBindingFilter.ANY).values()));
                refusedAtOnce(() -> get(a.describeClientQuotas(ClientQuotaFilter.all()).entities()));
                refusedAtOnce(() -> get(a.describeUserScramCredentials().all()));
                refusedAtOnce(() -> get(a.createDelegationToken().delegationToken()));
                refusedAtOnce(() -> get(a.listTransactions().all()));
            }
        });
    }

    static void refusedAtOnce(Callable<?> f) {
        long start = System.nanoTime();
        Throwable e = fails(Throwable.class, f);
        check(!(e instanceof AssertionError) && !(e instanceof org.apache.kafka.common.errors.TimeoutException), "not refused: " + e);
        check(System.nanoTime() - start < 5_000_000_000L, "refused only after 5 s: " + e);
        if (System.getenv("TRACE") != null) System.out.println("   " + e);
    }

    static void restarts() {
        test("restart in the middle of producing and consuming", topic -> {
            create(topic, 3);
            int n = 20000;
            try (Member m = new Member(topic, "group.id", topic); KafkaProducer<String, String> p = producer("linger.ms", "1")) {
                List<Future<RecordMetadata>> sent = new ArrayList<>();
                Future<?> restart = null;
                for (int i = 0; i < n; i++) {
                    sent.add(p.send(new ProducerRecord<>(topic, i % 3, "" + i, "" + i)));
                    if (i == n / 4) {
                        eventually("the group reads", () -> !m.records.isEmpty());
                        restart = pool.submit(() -> {
                            equal(new ProcessBuilder("sh", "-c", System.getenv("MOLDAU_RESTART")).inheritIO().start().waitFor(), 0, "exit code of the restart");
                            return null;
                        });
                    }
                    if (i > n / 4 && i % 100 == 0) Thread.sleep(10);
                }
                for (Future<RecordMetadata> f : sent) f.get(60, TimeUnit.SECONDS);
                restart.get();
                eventually("all is read", () -> m.records.stream().map(ConsumerRecord::value).distinct().count() == n);
                equal(m.error.get(), null, "error");
                Map<Integer, Long> next = new HashMap<>();
                try (KafkaConsumer<String, String> c = consumer()) { // Idempotence: in order, and each record once.
                    assign(c, topic, 0, 1, 2);
                    for (ConsumerRecord<String, String> r : poll(c, n)) {
                        equal(r.value(), "" + (r.offset() * 3 + r.partition()), "record at offset " + r.offset());
                        next.merge(r.partition(), 1L, Long::sum);
                    }
                    equal(next.values().stream().mapToLong(Long::longValue).sum(), (long) n, "records in the log");
                }
            }
        });
    }
}
