package main

import (
	"strings"
	"testing"

	"moldau.dev/moldau/moldautest"
)

func TestHello(t *testing.T) {
	b := moldautest.Start(t)
	var out strings.Builder
	if err := run(t.Context(), b.Addr(), &out); err != nil {
		t.Fatal(err)
	}
	if want := "offset 0: Dobrý den\noffset 1: Grüß Gott\noffset 2: Hello\n"; out.String() != want {
		t.Errorf("it says %q", out.String())
	}
}
