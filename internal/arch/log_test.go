package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var logCall = regexp.MustCompile(`(?:[lL]og|[lL]ogger)\.(?:Info|Warn|Error|Debug)\("([^"]+)"`)

// TestLogMessagesReadAlike keeps the lines of a node's log in one hand.
func TestLogMessagesReadAlike(t *testing.T) {
	found := 0
	for _, file := range sourceFiles(t) {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range logCall.FindAllStringSubmatch(string(text), -1) {
			found++
			message := match[1]
			sentences := strings.Contains(message, ". ") || strings.Contains(message, "? ")
			if first := rune(message[0]); unicode.IsLetter(first) && !unicode.IsUpper(first) {
				t.Errorf("%s: log message %q begins with a small letter", file, message)
			}
			if strings.HasSuffix(message, ".") != sentences && !strings.HasSuffix(message, "?") {
				t.Errorf("%s: log message %q: a full stop belongs at the end of several sentences only", file, message)
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d log messages were found", found)
	}
}
