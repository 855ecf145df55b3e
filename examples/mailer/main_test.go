package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/moldautest"
)

// signUp writes records for the mailer to find.
func signUp(t *testing.T, b *moldautest.Broker, names ...string) {
	t.Helper()
	cl := b.Client(kgo.DefaultProduceTopic("signups"))
	for _, name := range names {
		if err := cl.ProduceSync(t.Context(), kgo.StringRecord(name)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// runMailer runs a mailer until it has sent that many mails, or fails.
func runMailer(t *testing.T, b *moldautest.Broker, count int, send func(to string) error) (sent []string, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m, err := newMailer(func(to string) error {
		if err := send(to); err != nil {
			return err
		}
		if sent = append(sent, to); len(sent) == count {
			cancel()
		}
		return nil
	}, kgo.SeedBrokers(b.Addr()), kgo.Dialer(b.DialContext))
	if err != nil {
		t.Fatal(err)
	}
	return sent, m.run(ctx)
}

func always(string) error { return nil }

func TestMailThatFailsIsSentAtTheNextStart(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("signups", 1))
	signUp(t, b, "anna", "bedřich", "cyril")
	down := errors.New("the mail server is down")
	if _, err := runMailer(t, b, 3, func(to string) error {
		if to == "bedřich" {
			return down
		}
		return nil
	}); !errors.Is(err, down) {
		t.Fatalf("the mailer ends with %v", err)
	}
	if sent, _ := runMailer(t, b, 2, always); !slices.Equal(sent, []string{"bedřich", "cyril"}) {
		t.Errorf("then it sends mails to %v", sent)
	}
}

// TestMailerOutlastsTheBroker stops the broker for ten minutes: in a bubble
// of testing/synctest they pass at once.
func TestMailerOutlastsTheBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := moldautest.Start(t, moldautest.WithVirtualNetwork(), moldautest.WithTopic("signups", 1))
		signUp(t, b, "anna")
		var mailer sync.WaitGroup
		mailer.Go(func() {
			if sent, err := runMailer(t, b, 2, always); err != nil || !slices.Equal(sent, []string{"anna", "bedřich"}) {
				t.Errorf("mails went to %v, %v", sent, err)
			}
		})
		time.Sleep(time.Minute)
		b.Stop()
		time.Sleep(10 * time.Minute)
		b.Start()
		signUp(t, b, "bedřich")
		mailer.Wait()
	})
}
