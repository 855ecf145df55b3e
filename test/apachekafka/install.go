package apachekafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// LibsVariable is the environment variable that names the folder of jars.
const LibsVariable = "KAFKA_LIBS"

// ErrNotInstalled is what Find's errors wrap: Java or the jars are missing.
var ErrNotInstalled = errors.New("no Apache Kafka is installed")

// Main classes of Apache Kafka's tools.
const (
	DumpLogSegments      = "org.apache.kafka.tools.DumpLogSegments"
	TopicCommand         = "org.apache.kafka.tools.TopicCommand"
	ConfigCommand        = "org.apache.kafka.tools.ConfigCommand"
	ConsumerGroupCommand = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
	StorageTool          = "kafka.tools.StorageTool"
	brokerClass          = "kafka.Kafka"
	toolsPackage         = "org.apache.kafka.tools."
)

// toolsFolder is a folder beside the broker's jars with those of the tools, if
// they are of another release: the jars of two releases do not mix.
const toolsFolder = "tools"

// Install is Java and a folder of Apache Kafka's jars.
type Install struct {
	java, libs, tools string
}

// Find looks for java (JAVA_HOME, then PATH) and for the jars (KAFKA_LIBS). Its
// errors wrap ErrNotInstalled and say what to do.
func Find() (*Install, error) {
	libs := os.Getenv(LibsVariable)
	if libs == "" {
		return nil, fmt.Errorf("%w: %s does not name a folder of its jars; `make exchange` fetches them", ErrNotInstalled, LibsVariable)
	}
	libs, err := filepath.Abs(libs)
	if err != nil {
		return nil, err
	}
	if jars, err := filepath.Glob(filepath.Join(libs, "kafka-server-*.jar")); err != nil || len(jars) == 0 {
		return nil, fmt.Errorf("%w: %s=%s holds no kafka-server jar", ErrNotInstalled, LibsVariable, libs)
	}
	java := filepath.Join(os.Getenv("JAVA_HOME"), "bin", "java")
	if os.Getenv("JAVA_HOME") == "" {
		if java, err = exec.LookPath("java"); err != nil {
			return nil, fmt.Errorf("%w: there is no java: %w", ErrNotInstalled, err)
		}
	}
	i := &Install{java: java, libs: libs, tools: libs}
	if _, err := os.Stat(filepath.Join(libs, toolsFolder)); err == nil {
		i.tools = filepath.Join(libs, toolsFolder)
	}
	return i, nil
}

// Version is the release of the broker, as its jar is named.
func (i *Install) Version() string {
	jars, err := filepath.Glob(filepath.Join(i.libs, "kafka-server-[0-9]*.jar"))
	if err != nil || len(jars) == 0 {
		return "of an unknown release"
	}
	return strings.TrimSuffix(strings.TrimPrefix(filepath.Base(jars[0]), "kafka-server-"), ".jar")
}

// commonFlags keep a JVM small and quick to start: tests are short.
var commonFlags = []string{"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Djava.awt.headless=true"}

// StartScriptFlags are the JVM flags of Apache Kafka's own start script, for
// whoever measures it.
var StartScriptFlags = []string{
	"-Xmx1G", "-Xms1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
	"-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true",
}

// command gives the command that runs a main class.
func (i *Install) command(ctx context.Context, log4j, class string, args ...string) *exec.Cmd {
	libs := i.libs
	if strings.HasPrefix(class, toolsPackage) {
		libs = i.tools
	}
	cmd := i.jvm(ctx, libs, log4j, slices.Concat([]string{"-Xmx512m"}, commonFlags), class, args...)
	cmd.Cancel = func() error { return cmd.Process.Kill() }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// jvm gives the command that runs a main class with these flags.
func (i *Install) jvm(ctx context.Context, libs, log4j string, flags []string, class string, args ...string) *exec.Cmd {
	all := slices.Clone(flags)
	if log4j != "" {
		all = append(all, "-Dlog4j2.configurationFile="+log4j)
	}
	all = append(all, "-cp", filepath.Join(libs, "*"), class)
	return exec.CommandContext(ctx, i.java, append(all, args...)...)
}

// Tool runs a command-line tool of Apache Kafka until it ends. The error, if the
// tool failed, has its output.
func (i *Install) Tool(ctx context.Context, class string, args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	cmd := i.command(ctx, "", class, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), errs.String(), fmt.Errorf("%s: %w\n%s%s", class[strings.LastIndex(class, ".")+1:], err, tail(out.String()), tail(errs.String()))
	}
	return out.String(), errs.String(), nil
}

// tail keeps messages readable.
func tail(s string) string {
	const limit = 8 << 10
	if len(s) > limit {
		return "...\n" + s[len(s)-limit:]
	}
	return s
}
