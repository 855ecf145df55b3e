package process

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"moldau.dev/moldau/test/moldau"
)

func TestServiceManagerIsToldTheState(t *testing.T) {
	dir, err := os.MkdirTemp("", "notify") // t.TempDir may be longer than a socket's name can be.
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.Close() }()
	t.Setenv("NOTIFY_SOCKET", socket.LocalAddr().String())
	n := start(t, t.TempDir())
	hear := func(want string) {
		t.Helper()
		_ = socket.SetReadDeadline(time.Now().Add(time.Minute))
		buf := make([]byte, 100)
		if got, err := socket.Read(buf); err != nil || string(buf[:got]) != want {
			t.Errorf("the service manager heard %q (%v), want %s", buf[:got], err, want)
		}
	}
	hear("READY=1")
	stop(t, n)
	hear("STOPPING=1")
}

// The container's start command takes its settings from where that of Apache
// Kafka's image does. Here its folders lie elsewhere.
func TestContainerTakesKafkasSettings(t *testing.T) {
	for name, c := range map[string]struct {
		mounted string // The text of a mounted server.properties.
		environ []string
		dir     string // Where the records must be, below the container's root.
	}{
		"nothing": {dir: "data"},
		"a few variables": {
			environ: []string{"KAFKA_NUM_PARTITIONS=7", "CLUSTER_ID=MkU3OEVBNTcwNTJENDM2Qg"}, dir: "data",
		},
		"variables for a whole node": {
			environ: []string{
				"KAFKA_NODE_ID=1", "KAFKA_PROCESS_ROLES=broker,controller", "KAFKA_LISTENERS=INSIDE://localhost:0,CONTROLLER://localhost:0",
				"KAFKA_ADVERTISED_LISTENERS=INSIDE://localhost:9092", "KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER", "KAFKA_INTER_BROKER_LISTENER_NAME=INSIDE",
				"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT", "KAFKA_CONTROLLER_QUORUM_VOTERS=1@localhost:9093",
				"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=1", "KAFKA_HEAP_OPTS=-Xmx1G",
			}, dir: "data",
		},
		"a mounted file": {
			mounted: "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\nlisteners=PLAINTEXT://localhost:0,CONTROLLER://localhost:0\n" +
				"controller.quorum.bootstrap.servers=localhost:0\nlog.dirs=ROOT/elsewhere\n", dir: "elsewhere",
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for _, dir := range []string{"bin", "data", "config"} {
				if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			// The ports of the file that the image brings may be in use here.
			place := strings.NewReplacer("/mnt/shared/config", root+"/config", "/var/lib/kafka/data", root+"/data", "/etc/kafka/docker", root+"/bin",
				"://:9092", "://localhost:0", "CONTROLLER://localhost:9093", "CONTROLLER://localhost:0").Replace
			for _, file := range []string{"run", "server.properties"} {
				text, err := os.ReadFile(filepath.Join("../../deploy/docker", file))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(root, "bin", file), []byte(place(string(text))), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if c.mounted != "" {
				if err := os.WriteFile(filepath.Join(root, "config/server.properties"), []byte(strings.ReplaceAll(c.mounted, "ROOT", root)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(binary, filepath.Join(root, "bin/moldau")); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(filepath.Join(root, "bin/run"))
			cmd.Dir = filepath.Join(root, "data")
			cmd.Env = append([]string{"PATH=" + root + "/bin:" + os.Getenv("PATH"), "KAFKA_MOLDAU_HTTP_LISTENER=localhost:0"}, c.environ...)
			p, err := moldau.Run(cmd, nil)
			if err != nil {
				t.Fatal(err)
			}
			await(t, p)
			stop(t, p)
			if _, err := os.Stat(filepath.Join(root, c.dir, "meta.properties")); err != nil {
				t.Errorf("the records are not in %s: %v\n%s", c.dir, err, p.Output())
			}
		})
	}
}
