package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"moldau.dev/moldau/internal/vfs"
)

// entriesVersion is the only version of the line format that exists.
const entriesVersion = 0

// CorruptError says that a file is there but not in its format.
type CorruptError struct {
	// File is the path.
	File string
	// Reason says what is wrong with it.
	Reason string
}

func (e *CorruptError) Error() string { return fmt.Sprintf("corrupt file %s: %s", e.File, e.Reason) }

func corruptf(file, format string, args ...any) error {
	return &CorruptError{File: file, Reason: fmt.Sprintf(format, args...)}
}

// AppendEntries appends a whole file of the line format: the version, the
// number of entries, and each entry as line gives it, without a line end.
func AppendEntries[E any](dst []byte, entries []E, line func(dst []byte, entry E) []byte) []byte {
	dst = strconv.AppendInt(dst, entriesVersion, 10)
	dst = append(dst, '\n')
	dst = strconv.AppendInt(dst, int64(len(entries)), 10)
	dst = append(dst, '\n')
	for _, entry := range entries {
		dst = line(dst, entry)
		dst = append(dst, '\n')
	}
	return dst
}

// ParseEntries reads the line format. parse gets the fields of one line and
// says whether they make an entry. No bytes at all, or only a version, are no
// entries: Apache Kafka creates its checkpoints empty. The name is for errors,
// which are *CorruptError.
func ParseEntries[E any](name string, data []byte, parse func(fields []string) (E, bool)) ([]E, error) {
	lines := textLines(data)
	if len(lines) == 0 {
		return nil, nil
	}
	version, err := strconv.ParseInt(lines[0], 10, 32)
	switch {
	case err != nil:
		return nil, corruptf(name, "malformed version %q", clip(lines[0]))
	case version != entriesVersion:
		return nil, corruptf(name, "unrecognised version %d, expected %d", version, entriesVersion)
	case len(lines) == 1:
		return nil, nil
	}
	count, err := strconv.ParseInt(lines[1], 10, 32)
	if err != nil || count < 0 {
		return nil, corruptf(name, "malformed number of entries %q", clip(lines[1]))
	}
	lines = lines[2:]
	if int64(len(lines)) != count {
		return nil, corruptf(name, "expected %d entries, found %d", count, len(lines))
	}
	entries := make([]E, 0, len(lines))
	for _, line := range lines {
		entry, ok := parse(splitFields(line))
		if !ok {
			return nil, corruptf(name, "malformed line %q", clip(line))
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// ReadEntries reads a file of the line format; a missing file has no entries.
func ReadEntries[E any](fsys vfs.FS, name string, parse func(fields []string) (E, bool)) ([]E, error) {
	data, err := vfs.ReadFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ParseEntries(name, data, parse)
}

// textLines cuts at \n, \r\n and \r as Java's readers do; the last line may
// lack its end.
func textLines(data []byte) []string {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	if len(data) == 0 {
		return nil
	}
	return strings.Split(string(bytes.TrimSuffix(data, []byte("\n"))), "\n")
}

// splitFields cuts at white space. A line that begins with white space has an
// empty first field, and with it fails to parse, as in Java.
func splitFields(line string) []string {
	fields := strings.FieldsFunc(line, isSpace)
	if line == "" || isSpace(rune(line[0])) {
		return append([]string{""}, fields...)
	}
	return fields
}

func isSpace(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' }

// clip keeps messages short when a file is garbage.
func clip(s string) string {
	const limit = 120
	if len(s) > limit {
		return s[:limit] + "..."
	}
	return s
}
