// Command manual writes what a package of the binary brings along: a manual page
// of each command, DIR/man/man1/moldau*.1, and the completions of each shell,
// DIR/completions/. All of it is made from the commands themselves.
//
//	go run ./internal/cli/manual DIR
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra/doc"

	"moldau.dev/moldau/internal/cli"
	"moldau.dev/moldau/internal/cli/cmdline"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: manual DIR")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "manual:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	root := cli.NewRoot(cmdline.NewEnv(os.Stdin, io.Discard, io.Discard))
	root.DisableAutoGenTag = true
	man, completions := filepath.Join(dir, "man/man1"), filepath.Join(dir, "completions")
	for _, d := range []string{man, completions} {
		if err := os.MkdirAll(d, 0o755); err != nil { //nolint:gosec // Everybody may read them.
			return err
		}
	}
	// Without a date of its own, each page would bear that of the day.
	date := time.Unix(0, 0).UTC()
	if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "Moldau", Manual: "Moldau", Date: &date}, man); err != nil {
		return fmt.Errorf("manual pages: %w", err)
	}
	for name, generate := range map[string]func(io.Writer) error{
		"moldau.bash": func(w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"_moldau":     root.GenZshCompletion,
		"moldau.fish": func(w io.Writer) error { return root.GenFishCompletion(w, true) },
		"moldau.ps1":  root.GenPowerShellCompletionWithDesc,
	} {
		if err := writeFile(filepath.Join(completions, name), generate); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, generate func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(generate(f), f.Close())
}
