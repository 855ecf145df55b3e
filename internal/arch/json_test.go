package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var snakeCase = regexp.MustCompile(`json:"[A-Za-z]*_`)

// TestJSONNamesAreInCamelCase keeps the commands' JSON in one hand, which is
// that of Kafka's own schemas and tools: topicId, not topic_id.
func TestJSONNamesAreInCamelCase(t *testing.T) {
	for _, file := range sourceFiles(t) {
		if !strings.HasPrefix(file, "internal/") {
			continue // Apache Kafka's quorum-state has a data_version.
		}
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if tag := snakeCase.Find(text); tag != nil {
			t.Errorf("%s has a field %s…: names in JSON are in camel case", file, tag)
		}
	}
}
