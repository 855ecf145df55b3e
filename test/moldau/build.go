package moldau

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Build compiles the binary of this module into a folder and returns its path.
// The caller must be inside the module.
func Build(dir string) (string, error) {
	binary := filepath.Join(dir, "moldau")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", binary, "moldau.dev/moldau/cmd/moldau")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build moldau: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return binary, nil
}
