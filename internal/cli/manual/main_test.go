package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/internal/cli"
	"moldau.dev/moldau/internal/cli/cmdline"
)

func TestEveryCommandHasItsPage(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	everyCommand(cli.NewRoot(cmdline.NewEnv(os.Stdin, io.Discard, io.Discard)), func(cmd *cobra.Command) {
		page := filepath.Join(dir, "man/man1", strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1")
		text, err := os.ReadFile(page)
		if err != nil {
			t.Error(err)
			return
		}
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: its summary is %q: say in a few words what it does, without a full stop", cmd.CommandPath(), cmd.Short)
		}
		if cmd.Runnable() && !cmd.HasSubCommands() && cmd.Example == "" && cmd.Name() != "version" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		if !strings.Contains(string(text), "SYNOPSIS") {
			t.Errorf("%s is no manual page:\n%.200s", page, text)
		}
	})
	for _, shell := range []string{"moldau.bash", "_moldau", "moldau.fish", "moldau.ps1"} {
		text, err := os.ReadFile(filepath.Join(dir, "completions", shell))
		if err != nil || !strings.Contains(string(text), "moldau") {
			t.Errorf("%s: %v:\n%.100s", shell, err, text)
		}
	}
}

// everyCommand calls visit for all commands that a user sees.
func everyCommand(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			everyCommand(sub, visit)
		}
	}
}
