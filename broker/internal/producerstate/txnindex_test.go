package producerstate

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"moldau.dev/moldau/internal/kafka"
)

var goldenTxns = []AbortedTxn{{1, 0, 10, 11}, {2, 5, 20, 21}, {1, 12, 30, 25}}

func indexOf(txns ...AbortedTxn) []byte {
	var b []byte
	for _, txn := range txns {
		b = txn.AppendTo(b)
	}
	return b
}

func TestTransactionIndexAsApacheKafka(t *testing.T) {
	data := golden(t, "00000000000000000000.txnindex")
	if got := indexOf(goldenTxns...); !bytes.Equal(got, data) {
		t.Errorf("wrote\n%x, Apache Kafka\n%x", got, data)
	}
	var read []AbortedTxn
	must(t, ScanAbortedTxns(bytes.NewReader(data), int64(len(data)), func(position int64, txn AbortedTxn) bool {
		if position != int64(len(read)*AbortedTxnSize) {
			t.Errorf("position %d", position)
		}
		read = append(read, txn)
		return true
	}))
	if !slices.Equal(read, goldenTxns) {
		t.Errorf("read %+v", read)
	}
}

func TestCollectAbortedTxns(t *testing.T) {
	data := indexOf(goldenTxns...)
	for _, test := range []struct {
		from, upTo kafka.Offset
		want       []AbortedTxn
		complete   bool
	}{
		{0, 100, goldenTxns, false},
		{0, 5, goldenTxns[:1], true},
		{0, 6, goldenTxns[:1], true}, // The first entry says that nothing else ends below 11.
		{0, 12, goldenTxns[:2], true},
		{0, 13, goldenTxns[:2], true},
		{10, 25, goldenTxns, true},
		{11, 26, goldenTxns[1:], false},
		{31, 100, nil, false},
	} {
		got, complete, err := CollectAbortedTxns(nil, bytes.NewReader(data), int64(len(data)), test.from, test.upTo)
		must(t, err)
		if !slices.Equal(got, test.want) || complete != test.complete {
			t.Errorf("[%d, %d): %+v, %t, want %+v, %t", test.from, test.upTo, got, complete, test.want, test.complete)
		}
	}
}

func TestTruncatePosition(t *testing.T) {
	data := append(indexOf(goldenTxns...), 1, 2, 3) // A cut entry follows.
	for offset, want := range map[kafka.Offset]int64{0: 0, 10: 0, 11: 1, 20: 1, 21: 2, 30: 2, 31: 3} {
		got, err := TruncatePosition(bytes.NewReader(data), int64(len(data)), offset)
		must(t, err)
		if got != want*AbortedTxnSize {
			t.Errorf("offset %d: position %d, want %d entries", offset, got, want)
		}
	}
}

func TestLongTransactionIndex(t *testing.T) {
	var txns []AbortedTxn
	for i := range kafka.Offset(1000) {
		txns = append(txns, AbortedTxn{kafka.ProducerID(i), 2 * i, 2*i + 1, 2*i + 2})
	}
	data := indexOf(txns...)
	got, complete, err := CollectAbortedTxns(nil, bytes.NewReader(data), int64(len(data)), 0, 5000)
	must(t, err)
	if !slices.Equal(got, txns) || complete {
		t.Errorf("%d entries, %t", len(got), complete)
	}
	if err := ScanAbortedTxns(bytes.NewReader(data), int64(len(data))+AbortedTxnSize, func(int64, AbortedTxn) bool { return true }); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		t.Errorf("an index shorter than told: %v", err)
	}
}

func FuzzScanAbortedTxns(f *testing.F) {
	f.Add(indexOf(goldenTxns...))
	f.Add([]byte{0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var again []byte
		err := ScanAbortedTxns(bytes.NewReader(data), int64(len(data)), func(_ int64, txn AbortedTxn) bool {
			again = txn.AppendTo(again)
			return true
		})
		if !bytes.HasPrefix(data, again) || err == nil && len(data)-len(again) >= AbortedTxnSize {
			t.Fatalf("%x came back as %x, %v", data, again, err)
		}
	})
}
