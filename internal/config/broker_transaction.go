package config

import (
	"time"
)

// transactionKeys are the keys of producers and transactions.
var transactionKeys = []Key{
	{
		Name: "transaction.state.log.min.isr", Type: Int, Default: int32(2), Valid: atLeast(1),
	},
	{
		Name: "transaction.state.log.load.buffer.size", Type: Int, Default: int32(5242880), Valid: atLeast(1),
	},
	{
		Name: "transaction.state.log.replication.factor", Type: Short, Default: int16(3), Valid: atLeast(1),
	},
	{
		Name: "transaction.state.log.num.partitions", Type: Int, Default: int32(50), Valid: atLeast(1),
	},
	{
		Name: "transaction.state.log.segment.bytes", Type: Int, Default: int32(104857600), Valid: atLeast(1),
	},
	{
		Name: "transaction.partition.verification.enable", Type: Boolean, Default: true, Importance: Low, Dynamic: ClusterWide,
	},
	{
		Name: "producer.id.expiration.ms", Type: Int, Default: int32(86400000), Valid: atLeast(1), Importance: Low, Dynamic: ClusterWide,
	},
	{
		Name: "producer.id.expiration.check.interval.ms", Type: Int, Default: int32(600000), Valid: atLeast(1), Importance: Low, Internal: true,
	},
	{
		Name: "transactional.id.expiration.ms", Type: Int, Default: int32(604800000), Valid: atLeast(1),
	},
	{
		Name: "transaction.max.timeout.ms", Type: Int, Default: int32(900000), Valid: atLeast(1),
	},
	{
		Name: "transaction.abort.timed.out.transaction.cleanup.interval.ms", Type: Int, Default: int32(10000), Valid: atLeast(1), Importance: Low,
	},
	{
		Name: "transaction.remove.expired.transaction.cleanup.interval.ms", Type: Int, Default: int32(3600000), Valid: atLeast(1), Importance: Low,
	},
	{
		Name: "transaction.two.phase.commit.enable", Type: Boolean, Default: false, Importance: Low,
	},
	{
		Name: "add.partitions.to.txn.retry.backoff.max.ms", Type: Int, Default: int32(100), Valid: atLeast(0),
	},
	{
		Name: "add.partitions.to.txn.retry.backoff.ms", Type: Int, Default: int32(20), Valid: atLeast(1),
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
