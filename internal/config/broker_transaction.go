package config

import (
	"time"
)

// transactionKeys are the keys of producers and transactions.
var transactionKeys = []Key{
	{
		Name: "transaction.state.log.min.isr", Type: Int, Default: int32(2), Valid: atLeast(1),
		Doc: "The min.insync.replicas of __transaction_state.",
	},
	{
		Name: "transaction.state.log.load.buffer.size", Type: Int, Default: int32(5242880), Valid: atLeast(1),
		Doc: "How many bytes of __transaction_state are read at once when a coordinator loads a partition.",
	},
	{
		Name: "transaction.state.log.replication.factor", Type: Short, Default: int16(3), Valid: atLeast(1),
		Doc: "How many replicas __transaction_state gets. It is only created once there are as many brokers.",
	},
	{
		Name: "transaction.state.log.num.partitions", Type: Int, Default: int32(50), Valid: atLeast(1),
		Doc: "How many partitions __transaction_state gets. It must not change once the topic exists.",
	},
	{
		Name: "transaction.state.log.segment.bytes", Type: Int, Default: int32(104857600), Valid: atLeast(1),
		Doc: "The size, in bytes, of the segments of __transaction_state.",
	},
	{
		Name: "transaction.partition.verification.enable", Type: Boolean, Default: true, Importance: Low, Dynamic: ClusterWide,
		Doc: "Whether a partition asks the coordinator about a transaction before it takes its first record.",
	},
	{
		Name: "producer.id.expiration.ms", Type: Int, Default: int32(86400000), Valid: atLeast(1), Importance: Low, Dynamic: ClusterWide,
		Doc: "How long, in milliseconds, a partition remembers a producer that no longer writes. Duplicates are recognised that long.",
	},
	{
		Name: "producer.id.expiration.check.interval.ms", Type: Int, Default: int32(600000), Valid: atLeast(1), Importance: Low, Internal: true,
		Doc: "How often, in milliseconds, partitions look for producers to forget.",
	},
	{
		Name: "transactional.id.expiration.ms", Type: Int, Default: int32(604800000), Valid: atLeast(1),
		Doc: "How long, in milliseconds, the coordinator remembers a transactional id that is not used.",
	},
	{
		Name: "transaction.max.timeout.ms", Type: Int, Default: int32(900000), Valid: atLeast(1),
		Doc: "The longest timeout, in milliseconds, that a producer may ask for its transactions.",
	},
	{
		Name: "transaction.abort.timed.out.transaction.cleanup.interval.ms", Type: Int, Default: int32(10000), Valid: atLeast(1), Importance: Low,
		Doc: "How often, in milliseconds, the coordinator looks for transactions that took too long, and aborts them.",
	},
	{
		Name: "transaction.remove.expired.transaction.cleanup.interval.ms", Type: Int, Default: int32(3600000), Valid: atLeast(1), Importance: Low,
		Doc: "How often, in milliseconds, the coordinator looks for transactional ids to forget.",
	},
	{
		Name: "transaction.two.phase.commit.enable", Type: Boolean, Default: false, Importance: Low,
		Doc: "Whether producers may take part in a two-phase commit, with transactions that never time out.",
	},
	{
		Name: "add.partitions.to.txn.retry.backoff.max.ms", Type: Int, Default: int32(100), Valid: atLeast(0),
		Doc: "How long, in milliseconds, a broker tries in all to add a partition to a transaction while the last one is still ending.",
	},
	{
		Name: "add.partitions.to.txn.retry.backoff.ms", Type: Int, Default: int32(20), Valid: atLeast(1),
		Doc: "How long, in milliseconds, a broker waits between two tries to add a partition to a transaction.",
	},
}

// TransactionSettings are the values of these keys as Broker has them; each field is
// named for its key. Times keep negative values as they are given.
type TransactionSettings struct {
	TransactionStateLogMinISR                          int           // transaction.state.log.min.isr
	TransactionStateLogLoadBufferSize                  int           // transaction.state.log.load.buffer.size
	TransactionStateLogReplicationFactor               int16         // transaction.state.log.replication.factor
	TransactionStateLogNumPartitions                   int           // transaction.state.log.num.partitions
	TransactionStateLogSegmentBytes                    int           // transaction.state.log.segment.bytes
	TransactionPartitionVerificationEnable             bool          // transaction.partition.verification.enable
	ProducerIDExpiration                               time.Duration // producer.id.expiration.ms
	ProducerIDExpirationCheckInterval                  time.Duration // producer.id.expiration.check.interval.ms
	TransactionalIDExpiration                          time.Duration // transactional.id.expiration.ms
	TransactionMaxTimeout                              time.Duration // transaction.max.timeout.ms
	TransactionAbortTimedOutTransactionCleanupInterval time.Duration // transaction.abort.timed.out.transaction.cleanup.interval.ms
	TransactionRemoveExpiredTransactionCleanupInterval time.Duration // transaction.remove.expired.transaction.cleanup.interval.ms
	TransactionTwoPhaseCommitEnable                    bool          // transaction.two.phase.commit.enable
	AddPartitionsToTxnRetryBackoffMax                  time.Duration // add.partitions.to.txn.retry.backoff.max.ms
	AddPartitionsToTxnRetryBackoff                     time.Duration // add.partitions.to.txn.retry.backoff.ms
}

func transactionSettings(v values) TransactionSettings {
	return TransactionSettings{
		TransactionStateLogMinISR:                          v.int("transaction.state.log.min.isr"),
		TransactionStateLogLoadBufferSize:                  v.int("transaction.state.log.load.buffer.size"),
		TransactionStateLogReplicationFactor:               v.int16("transaction.state.log.replication.factor"),
		TransactionStateLogNumPartitions:                   v.int("transaction.state.log.num.partitions"),
		TransactionStateLogSegmentBytes:                    v.int("transaction.state.log.segment.bytes"),
		TransactionPartitionVerificationEnable:             v.bool("transaction.partition.verification.enable"),
		ProducerIDExpiration:                               v.duration("producer.id.expiration.ms", time.Millisecond),
		ProducerIDExpirationCheckInterval:                  v.duration("producer.id.expiration.check.interval.ms", time.Millisecond),
		TransactionalIDExpiration:                          v.duration("transactional.id.expiration.ms", time.Millisecond),
		TransactionMaxTimeout:                              v.duration("transaction.max.timeout.ms", time.Millisecond),
		TransactionAbortTimedOutTransactionCleanupInterval: v.duration("transaction.abort.timed.out.transaction.cleanup.interval.ms", time.Millisecond),
		TransactionRemoveExpiredTransactionCleanupInterval: v.duration("transaction.remove.expired.transaction.cleanup.interval.ms", time.Millisecond),
		TransactionTwoPhaseCommitEnable:                    v.bool("transaction.two.phase.commit.enable"),
		AddPartitionsToTxnRetryBackoffMax:                  v.duration("add.partitions.to.txn.retry.backoff.max.ms", time.Millisecond),
		AddPartitionsToTxnRetryBackoff:                     v.duration("add.partitions.to.txn.retry.backoff.ms", time.Millisecond),
	}
}
