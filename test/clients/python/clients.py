"""librdkafka (confluent-kafka) and kafka-python against a node.

Usage: python clients.py HOST:PORT. One line per case; the exit code is 1 if one failed.
A client that is not installed is left out. MOLDAU_RESTART restarts the node.
"""

import os
import re
import subprocess
import sys
import threading
import time
import traceback

BOOTSTRAP = sys.argv[1]
RUN = format(time.time_ns(), "x")
LIMIT = 60
failed = 0


def case(client, name):
    """Runs the function at once as a case, with a fresh topic's name."""

    def decorate(f):
        global failed
        if os.environ.get("CASE", "") not in f"{client}: {name}":
            return f
        topic = re.sub("[^A-Za-z0-9.]+", "-", f"{client}-{name}-{RUN}")
        result = []

        def run():
            try:
                f(topic)
                result.append("")
            except BaseException as e:  # Of a client too.
                if os.environ.get("TRACE"):
                    traceback.print_exc()
                result.append(f"{type(e).__name__}: {e}")

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(LIMIT)
        error = result[0] if result else f"still running after {LIMIT} s"
        failed += error != ""
        print(f"FAIL {client}: {name}\n  {error}" if error else f"ok {client}: {name}", flush=True)
        return f

    return decorate


def equal(got, want, what=""):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def eventually(what, f, limit=30):
    end = time.monotonic() + limit
    while not f():
        if time.monotonic() > end:
            raise AssertionError(f"never: {what}")
        time.sleep(0.02)


def restart():
    subprocess.run(os.environ["MOLDAU_RESTART"], shell=True, check=True)


def confluent():
    import confluent_kafka as ck
    from confluent_kafka import admin as cka

    who = "librdkafka"
    common = {"bootstrap.servers": BOOTSTRAP, "log_level": 7 if os.environ.get("TRACE") else 0}
    admin = cka.AdminClient(common)

    def create(topic, partitions=1, **config):
        config.setdefault("retention.ms", "-1")
        admin.create_topics([cka.NewTopic(topic, partitions, 1, config=config)])[topic].result(30)

    def producer(**conf):
        return ck.Producer({**common, **{k.replace("_", "."): v for k, v in conf.items()}})

    def produce(topic, n, partitions=1, **conf):
        p, errors = producer(**conf), []
        for i in range(n):
            while True:
                try:
                    p.produce(topic, str(i), str(i), i % partitions, timestamp=1000 + i,
                              on_delivery=lambda err, _: errors.append(err))
                    break
                except BufferError:
                    p.poll(0.1)
        equal(p.flush(30), 0, "left in the queue")
        equal([e for e in errors if e], [], "errors")
        equal(len(errors), n, "deliveries")

    def consumer(**conf):
        conf = {k.replace("_", "."): v for k, v in conf.items()}
        return ck.Consumer({**common, "group.id": "g" + RUN, "auto.offset.reset": "earliest", **conf})

    def read(c, n, limit=30):
        got, end = [], time.monotonic() + limit
        while len(got) < n and time.monotonic() < end:
            for m in c.consume(1000, 0.2):
                if m.error():
                    raise ck.KafkaException(m.error())
                got.append(m)
        return got

    def read_all(topic, n, partitions=1, **conf):
        c = consumer(**conf)
        try:
            c.assign([ck.TopicPartition(topic, p, 0) for p in range(partitions)])
            return read(c, n)
        finally:
            c.close()

    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):

        @case(who, f"produce {codec}")
        def _(topic, codec=codec):
            create(topic)
            produce(topic, 1000, compression_type=codec, linger_ms=20)
            got = read_all(topic, 1000)
            equal([(m.offset(), m.key(), m.timestamp()[1]) for m in got],
                  [(i, str(i).encode(), 1000 + i) for i in range(1000)], "records")

    for acks in ("0", "1", "all"):

        @case(who, f"acks={acks}")
        def _(topic, acks=acks):
            create(topic)
            produce(topic, 100, acks=acks)
            equal(len(read_all(topic, 100)), 100, "records")

    @case(who, "idempotent producer")
    def _(topic):
        create(topic, 3)
        produce(topic, 20000, 3, enable_idempotence=True, batch_num_messages=20)
        seen = {}
        for m in read_all(topic, 20000, 3):
            equal(m.value(), str(m.offset() * 3 + m.partition()).encode(), "order")
            seen[m.partition()] = seen.get(m.partition(), 0) + 1
        equal(sum(seen.values()), 20000, "records")

    @case(who, "topic created by the first record, headers")
    def _(topic):
        p = producer()
        p.produce(topic, None, None, headers=[("h", b"1"), ("h", None)])
        equal(p.flush(30), 0, "left")
        m = read_all(topic, 1)[0]
        equal((m.key(), m.value(), m.headers()), (None, None, [("h", b"1"), ("h", None)]))

    @case(who, "8 MB record")
    def _(topic):
        create(topic, **{"max.message.bytes": "10000000"})
        big, errors = os.urandom(8_000_000), []
        p = producer(message_max_bytes=10_000_000)
        for _ in range(2):
            p.produce(topic, big, on_delivery=lambda e, m: errors.append(e))
        p.flush(30)
        equal(errors, [None, None], "errors")
        equal([m.value() == big for m in read_all(topic, 2)], [True, True], "records")

    @case(who, "record too large")
    def _(topic):
        create(topic)
        errors = []
        p = producer(message_max_bytes=10_000_000)
        p.produce(topic, os.urandom(3_000_000), on_delivery=lambda e, m: errors.append(e.code()))
        p.flush(30)
        equal(errors, [ck.KafkaError.MSG_SIZE_TOO_LARGE], "errors")

    for strategy in ("range", "roundrobin", "cooperative-sticky"):

        @case(who, f"group {strategy}")
        def _(topic, strategy=strategy):
            create(topic, 4)
            produce(topic, 400, 4)
            conf = {"group.id": topic, "partition.assignment.strategy": strategy}
            a, b, got, revoked = consumer(**conf), consumer(**conf), [], []
            a.subscribe([topic], on_revoke=lambda _, partitions: revoked.append(len(partitions)))

            def turn(want_a, want_b):
                for c in (a, b):
                    got.extend(m.value() for m in c.consume(100, 0.1) if not m.error())
                return (len(a.assignment()), len(b.assignment())) == (want_a, want_b)

            eventually("one owns all", lambda: turn(4, 0))
            eventually("it reads all", lambda: turn(4, 0) and len(got) == 400)
            a.commit(asynchronous=False)
            b.subscribe([topic])
            eventually("two share", lambda: turn(2, 2))
            # A cooperative member keeps what stays its own, and reads on meanwhile.
            equal(revoked, [2 if strategy == "cooperative-sticky" else 4], "partitions revoked")
            b.close()
            eventually("one owns all again", lambda: len(a.consume(1, 0.1)) >= 0 and len(a.assignment()) == 4)
            a.close()
            equal(len(got), 400, "records")

    @case(who, "static membership")
    def _(topic):
        create(topic, 2)
        conf = {"group.id": topic, "session.timeout.ms": 20000}
        a = consumer(**conf, **{"group.instance.id": "a"})
        b = consumer(**conf, **{"group.instance.id": "b"})
        a.subscribe([topic])
        b.subscribe([topic])

        def turn(c, d):
            c.poll(0.05), d.poll(0.05)
            return len(c.assignment()) == 1 and len(d.assignment()) == 1

        eventually("two share", lambda: turn(a, b))
        member, before = a.memberid(), b.assignment()
        b.close()
        b = consumer(**conf, **{"group.instance.id": "b"})
        b.subscribe([topic])
        eventually("it is back", lambda: turn(a, b))
        equal(b.assignment()[0].partition, before[0].partition, "partition")
        equal(a.memberid(), member, "member")
        a.close(), b.close()

    @case(who, "commit, committed, seek, pause, watermarks, offsets_for_times")
    def _(topic):
        create(topic)
        produce(topic, 100)
        c, tp = consumer(group_id=topic, enable_auto_commit=False), ck.TopicPartition(topic, 0)
        c.assign([ck.TopicPartition(topic, 0, 0)])
        read(c, 100)
        c.commit(offsets=[ck.TopicPartition(topic, 0, 42)], asynchronous=False)
        equal(c.committed([tp], 10)[0].offset, 42, "committed")
        equal(c.get_watermark_offsets(tp, 10), (0, 100), "watermarks")
        equal(c.offsets_for_times([ck.TopicPartition(topic, 0, 1050)], 10)[0].offset, 50, "offset for time")
        c.seek(ck.TopicPartition(topic, 0, 70))
        equal(read(c, 1)[0].offset(), 70, "offset after seek")
        c.pause([tp])
        c.seek(ck.TopicPartition(topic, 0, 10))
        c.resume([tp])
        equal(read(c, 1)[0].offset(), 10, "offset after resume")
        c.close()

    @case(who, "offset out of range")
    def _(topic):
        create(topic)
        produce(topic, 10)
        c = consumer(auto_offset_reset="error")
        c.assign([ck.TopicPartition(topic, 0, 1000)])
        codes = []
        eventually("an error", lambda: [codes.append(m.error().code()) for m in c.consume(1, 0.5) if m.error()] and codes)
        equal(codes[0], ck.KafkaError._AUTO_OFFSET_RESET, "error")
        c.close()

    @case(who, "admin: topics, partitions, configs")
    def _(topic):
        create(topic, 2)
        admin.create_partitions([cka.NewPartitions(topic, 3)])[topic].result(30)
        equal(len(admin.list_topics(topic, 10).topics[topic].partitions), 3, "partitions")
        d = admin.describe_topics(ck.TopicCollection([topic]))[topic].result(30)
        equal(len(d.partitions), 3, "described partitions")
        r = cka.ConfigResource(cka.ResourceType.TOPIC, topic)
        r.add_incremental_config(cka.ConfigEntry("retention.ms", "7000", incremental_operation=cka.AlterConfigOpType.SET))
        admin.incremental_alter_configs([r])[r].result(30)
        r = cka.ConfigResource(cka.ResourceType.TOPIC, topic)
        equal(admin.describe_configs([r])[r].result(30)["retention.ms"].value, "7000", "config")
        produce(topic, 30, 3)
        tp = ck.TopicPartition(topic, 0)
        equal(admin.list_offsets({tp: cka.OffsetSpec.latest()})[tp].result(30).offset, 10, "latest")
        equal(admin.list_offsets({tp: cka.OffsetSpec.max_timestamp()})[tp].result(30).offset, 9, "max timestamp")
        got = admin.delete_records([ck.TopicPartition(topic, 0, 5)])
        equal([f.result(30).low_watermark for f in got.values()], [5], "low watermark")
        admin.delete_topics([topic])[topic].result(30)
        try:
            admin.delete_topics([topic])[topic].result(30)
            raise AssertionError("deleted twice")
        except ck.KafkaException as e:
            equal(e.args[0].code(), ck.KafkaError.UNKNOWN_TOPIC_OR_PART, "error")

    @case(who, "admin: groups, cluster")
    def _(topic):
        create(topic, 2)
        c = consumer(group_id=topic)
        c.subscribe([topic])
        eventually("assigned", lambda: c.poll(0.05) is None and len(c.assignment()) == 2)
        assert topic in [g.group_id for g in admin.list_consumer_groups().result(30).valid]
        d = admin.describe_consumer_groups([topic])[topic].result(30)
        equal((len(d.members), d.state.name), (1, "STABLE"), "group")
        c.close()
        tps = [ck.TopicPartition(topic, 0, 5)]
        admin.alter_consumer_group_offsets([ck.ConsumerGroupTopicPartitions(topic, tps)])[topic].result(30)
        got = admin.list_consumer_group_offsets([ck.ConsumerGroupTopicPartitions(topic)])[topic].result(30)
        equal([(p.partition, p.offset) for p in got.topic_partitions], [(0, 5)], "offsets")
        admin.delete_consumer_groups([topic])[topic].result(30)
        cluster = admin.describe_cluster().result(30)
        equal((len(cluster.nodes), cluster.controller.id), (1, 1), "cluster")

    @case(who, "refused: transactions")
    def _(topic):
        start, p = time.monotonic(), producer(transactional_id=topic)
        try:
            p.init_transactions(30)
            raise AssertionError("init_transactions succeeded")
        except ck.KafkaException as e:
            if os.environ.get("TRACE"):
                print(f"   after {time.monotonic() - start:.1f} s: {e.args[0]!r}")
            equal(e.args[0].fatal() or not e.args[0].retriable(), True, f"final: {e.args[0]!r}")

    @case(who, "group.protocol=consumer")
    def _(topic):
        # librdkafka waits in silence if ConsumerGroupHeartbeat is not offered, here as with
        # Apache Kafka 3; at least it must not harm the group, and close at once.
        create(topic)
        c = consumer(group_id=topic, group_protocol="consumer")
        c.subscribe([topic])
        equal(c.poll(2), None, "message")
        start = time.monotonic()
        c.close()
        assert time.monotonic() - start < 5, "close waited"

    if "MOLDAU_RESTART" in os.environ:

        @case(who, "restart in the middle of producing and consuming")
        def _(topic):
            create(topic, 3)
            p, errors, got, n = producer(enable_idempotence=True, linger_ms=1), [], set(), 10000
            c = consumer(group_id=topic)
            c.subscribe([topic])
            for i in range(n):
                p.produce(topic, str(i), partition=i % 3, on_delivery=lambda e, m: errors.append(e))
                p.poll(0)
                if i == n // 3:
                    got.update(m.value() for m in read(c, 1))
                    t = threading.Thread(target=restart)
                    t.start()
                if i > n // 3 and i % 50 == 0:
                    time.sleep(0.01)
            equal(p.flush(40), 0, "left")
            equal([e for e in errors if e], [], "errors")
            t.join()
            eventually("all is read", lambda: got.update(m.value() for m in c.consume(1000, 0.2) if not m.error()) or len(got) == n)
            c.close()
            for m in read_all(topic, n, 3):
                equal(m.value(), str(m.offset() * 3 + m.partition()).encode(), "record in the log")

        @case(who, "every client comes back after restarts")
        def _(topic):
            # librdkafka may hang for ever if a node that is stopping tells it of no brokers.
            create(topic)
            delivered, stop = {}, threading.Event()

            def run(i):
                p = producer(linger_ms=1)

                def on_delivery(e, _):
                    if not e:
                        delivered[i] = time.monotonic()

                while not stop.is_set():
                    p.produce(topic, "v", on_delivery=on_delivery)
                    p.poll(0.05)
                p.purge()
                p.flush(1)

            threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(30)]
            for t in threads:
                t.start()
            since = 0.0
            for _ in range(4):
                eventually("all deliver", lambda: sum(t > since for t in delivered.values()) == len(threads), 20)
                restart()
                since = time.monotonic()
            eventually("all deliver again", lambda: sum(t > since for t in delivered.values()) == len(threads), 20)
            stop.set()
            for t in threads:
                t.join(5)


def kafka_python():
    import kafka
    from kafka.admin import NewPartitions, NewTopic

    who = "kafka-python"
    conf = {"bootstrap_servers": BOOTSTRAP}
    admin = kafka.KafkaAdminClient(**conf)

    def create(topic, partitions=1, **config):
        admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=config)])

    def read_all(topic, n, partitions=1, **limits):
        with_offsets = []
        c = kafka.KafkaConsumer(auto_offset_reset="earliest", consumer_timeout_ms=20000, **conf, **limits)
        c.assign([kafka.TopicPartition(topic, p) for p in range(partitions)])
        for m in c:
            with_offsets.append(m)
            if len(with_offsets) == n:
                break
        c.close()
        return with_offsets

    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        try:
            p = kafka.KafkaProducer(compression_type=codec, linger_ms=20, **conf)
        except (AssertionError, RuntimeError):
            continue  # The codec's library is not installed.

        @case(who, f"produce {codec}")
        def _(topic, p=p):
            create(topic)
            sent = [p.send(topic, str(i).encode(), key=b"k") for i in range(500)]
            equal([f.get(30).offset for f in sent], list(range(500)), "offsets")
            equal([m.value for m in read_all(topic, 500)], [str(i).encode() for i in range(500)], "records")

        p.close()

    for acks in (1, "all"):  # With 0 this client loses records at its own close, Apache Kafka's node or not.

        @case(who, f"acks={acks}")
        def _(topic, acks=acks):
            create(topic)
            p = kafka.KafkaProducer(acks=acks, enable_idempotence=False, **conf)
            for _ in range(100):
                p.send(topic, b"v")
            p.flush(30)
            p.close()
            equal(len(read_all(topic, 100)), 100, "records")

    @case(who, "idempotent producer")
    def _(topic):
        create(topic, 3)
        p = kafka.KafkaProducer(enable_idempotence=True, batch_size=200, **conf)
        sent = [p.send(topic, str(i).encode(), partition=i % 3) for i in range(3000)]
        for f in sent:
            f.get(30)
        p.close()
        got = read_all(topic, 3000, 3)
        equal(len(got), 3000, "records")
        for m in got:
            equal(m.value, str(m.offset * 3 + m.partition).encode(), "order")

    @case(who, "8 MB record")
    def _(topic):
        create(topic, **{"max.message.bytes": "10000000"})
        big = os.urandom(8_000_000)
        p = kafka.KafkaProducer(max_request_size=10_000_000, buffer_memory=40_000_000, **conf)
        for value in (big, b"small"):
            p.send(topic, value).get(30)
        p.close()
        got = read_all(topic, 2, max_partition_fetch_bytes=10_000_000)
        equal([m.value == big for m in got], [True, False], "records")

    @case(who, "record too large")
    def _(topic):
        create(topic)
        p = kafka.KafkaProducer(max_request_size=10_000_000, **conf)
        try:
            p.send(topic, os.urandom(3_000_000)).get(30)
            raise AssertionError("it was taken")
        except kafka.errors.MessageSizeTooLargeError:
            pass
        p.close()

    @case(who, "group of two")
    def _(topic):
        create(topic, 4)
        p = kafka.KafkaProducer(**conf)
        for i in range(400):
            p.send(topic, str(i).encode(), partition=i % 4)
        p.flush(30)
        got, owned, stop = [], {}, threading.Event()

        def member(name):
            c = kafka.KafkaConsumer(topic, group_id=topic, auto_offset_reset="earliest", **conf)
            while not stop.is_set():
                for records in c.poll(100).values():
                    got.extend(records)
                owned[name] = len(c.assignment())
            c.close()

        threads = [threading.Thread(target=member, args=(name,), daemon=True) for name in "ab"]
        for t in threads:
            t.start()
        eventually("two share", lambda: owned == {"a": 2, "b": 2})
        eventually("all is read", lambda: len({m.value for m in got}) == 400)
        stop.set()
        for t in threads:
            t.join(20)
        offsets = admin.list_group_offsets(topic) if hasattr(admin, "list_group_offsets") else admin.list_consumer_group_offsets(topic)
        offsets = offsets.get(topic, offsets)
        equal(sum(o.offset for o in offsets.values()), 400, "committed offsets")

    @case(who, "offsets, seek, commit")
    def _(topic):
        create(topic)
        p, tp = kafka.KafkaProducer(**conf), kafka.TopicPartition(topic, 0)
        for i in range(100):
            p.send(topic, b"v", timestamp_ms=1000 + i)
        p.flush(30)
        c = kafka.KafkaConsumer(group_id=topic, enable_auto_commit=False, consumer_timeout_ms=10000, **conf)
        c.assign([tp])
        equal((c.beginning_offsets([tp])[tp], c.end_offsets([tp])[tp]), (0, 100), "ends")
        equal(c.offsets_for_times({tp: 1050})[tp].offset, 50, "offset for time")
        c.seek(tp, 70)
        equal(next(iter(c)).offset, 70, "offset after seek")
        c.commit()
        equal(c.committed(tp), 71, "committed")
        c.close()

    @case(who, "admin")
    def _(topic):
        create(topic, 2)
        assert topic in admin.list_topics()
        admin.create_partitions({topic: NewPartitions(3)})
        equal(len(admin.describe_topics([topic])[0]["partitions"]), 3, "partitions")
        equal(len(admin.describe_cluster()["brokers"]), 1, "brokers")
        admin.delete_topics([topic])
        assert topic not in admin.list_topics()

    if "MOLDAU_RESTART" in os.environ:

        @case(who, "restart in the middle of producing and consuming")
        def _(topic):
            create(topic)
            n, got, stop = 1000, set(), threading.Event()

            def member():
                c = kafka.KafkaConsumer(topic, group_id=topic, auto_offset_reset="earliest", **conf)
                while not stop.is_set():
                    for records in c.poll(100).values():
                        got.update(m.value for m in records)
                c.close()

            reader = threading.Thread(target=member, daemon=True)
            reader.start()
            p = kafka.KafkaProducer(enable_idempotence=True, **conf)
            sent = []
            for i in range(n):
                sent.append(p.send(topic, str(i).encode()))
                if i == n // 4:
                    eventually("the group reads", lambda: got)
                    t = threading.Thread(target=restart)
                    t.start()
                if i > n // 4:
                    time.sleep(0.003)
            equal([f.get(30).offset for f in sent], list(range(n)), "offsets")
            p.close()
            t.join()
            eventually("all is read", lambda: len(got) == n)
            stop.set()
            reader.join(20)


def main():
    for client in (confluent, kafka_python):
        try:
            client()
        except ModuleNotFoundError as e:
            print(f"skip {e.name} is not installed")
    sys.stdout.flush()
    os._exit(1 if failed else 0)  # Threads of cases that hang must not keep it.


main()
