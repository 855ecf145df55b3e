package producerstate

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
)

var goldenTxns = []AbortedTxn{{1, 0, 10, 11}, {2, 5, 20, 21}, {1, 12, 30, 25}}

func TestTransactionIndexAsApacheKafka(t *testing.T) {
	data := golden(t, "00000000000000000000.txnindex")
	var written []byte
	for _, txn := range goldenTxns {
		written = txn.AppendTo(written)
	}
	if !bytes.Equal(written, data) {
		t.Errorf("wrote\n%x, Apache Kafka\n%x", written, data)
	}
	var read []AbortedTxn
	for rest := data; len(rest) > 0; rest = rest[AbortedTxnSize:] {
		txn, err := ParseAbortedTxn(rest)
		must(t, err)
		read = append(read, txn)
	}
	if !slices.Equal(read, goldenTxns) {
		t.Errorf("read %+v", read)
	}
}

func TestTransactionIndexEntryThatCannotBe(t *testing.T) {
	entry := goldenTxns[0].AppendTo(nil)
	if _, err := ParseAbortedTxn(entry[:AbortedTxnSize-1]); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a cut entry: %v", err)
	}
	entry[1] = 1
	if _, err := ParseAbortedTxn(entry); err == nil {
		t.Error("version 1 was read")
	}
}

func FuzzParseAbortedTxn(f *testing.F) {
	f.Add(goldenTxns[0].AppendTo(nil))
	f.Add([]byte{0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		txn, err := ParseAbortedTxn(data)
		if err == nil && !bytes.HasPrefix(data, txn.AppendTo(nil)) {
			t.Fatalf("%x came back as %+v", data, txn)
		}
	})
}
