package compat

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// answerTimeout bounds the wait for one answer.
const answerTimeout = 15 * time.Second

// node is one of the two brokers.
type node struct {
	name      string
	addr      string
	port      int32
	clusterID string
	// versions are what the node advertises.
	versions map[int16]kmsg.ApiVersionsResponseApiKey
	// dir is the data folder, which may be read after stop.
	dir  string
	stop func()
	// controller tells that this is the controller's listener of a node, and
	// atController is that of this one.
	controller   bool
	atController *node
}

// client is a scenario's connection to one of the brokers; it connects itself
// again when the broker has closed it. A second one is made by other.
type client struct {
	ctx      context.Context
	node     *node
	clientID string
	conn     net.Conn
	last     int32 // The last correlation id.
	// patience bounds the wait for an answer, if it is not 0.
	patience time.Duration
	script   *script
}

// script is one run of a scenario on one of the brokers.
type script struct {
	steps []step
	names *names
}

// step is one request and what came of it: the fields of the answer, flat.
type step struct {
	name   string
	fields map[string]string
	// asked is what the request asks, if it is a whole request of an API.
	asked *apiVersion
}

// failure ends a script that cannot go on.
type failure struct{ error }

func (c *client) fail(format string, args ...any) {
	panic(failure{fmt.Errorf(format, args...)})
}

// other is a further connection of the same script.
func (c *client) other(clientID string) *client {
	return &client{ctx: c.ctx, node: c.node, clientID: clientID, script: c.script}
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// ask sends a request and records the answer as a step. It returns the answer,
// or nil if the broker closed the connection instead.
func (c *client) ask(name string, req kmsg.Request) kmsg.Response {
	resp, err := c.send(req)
	c.script.recordAnswer(name, c.node, req, resp, err)
	if err != nil {
		return nil
	}
	return resp
}

// each asks in every version from first to last.
func (c *client) each(name string, first, last int16, request func(version int16) kmsg.Request) {
	for v := first; v <= last; v++ {
		req := request(v)
		req.SetVersion(v)
		c.ask(fmt.Sprintf("%s, v%d", name, v), req)
	}
}

// quiet sends a request without recording it: the script needs the answer.
func (c *client) quiet(req kmsg.Request) kmsg.Response {
	resp, err := c.send(req)
	if err != nil {
		c.fail("%s: %v", kmsg.NameForKey(req.Key()), err)
	}
	return resp
}

// until repeats a request without recording it until the answer is as it should be.
func (c *client) until(what string, req kmsg.Request, done func(kmsg.Response) bool) {
	for deadline := time.Now().Add(answerTimeout); ; time.Sleep(10 * time.Millisecond) {
		if done(c.quiet(req)) {
			return
		}
		if time.Now().After(deadline) {
			c.fail("waited too long until %s", what)
		}
	}
}

func (c *client) send(req kmsg.Request) (kmsg.Response, error) {
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID(c.clientID))
	return c.sendFrame(formatter.AppendRequest(nil, req, c.last+1), req)
}

// sendFrame sends a whole request and decodes the answer as one to req.
func (c *client) sendFrame(frame []byte, req kmsg.Request) (kmsg.Response, error) {
	if err := c.write(frame); err != nil {
		return nil, err
	}
	return c.read(req)
}

func (c *client) write(frame []byte) error {
	if c.conn == nil {
		conn, err := (&net.Dialer{Timeout: answerTimeout}).DialContext(c.ctx, "tcp", c.node.addr)
		if err != nil {
			c.fail("connect to %s: %v", c.node.name, err)
		}
		c.conn = conn
	}
	c.last++
	_ = c.conn.SetDeadline(time.Now().Add(cmp.Or(c.patience, answerTimeout)))
	_, err := c.conn.Write(frame)
	if err != nil {
		c.close()
	}
	return err
}

// errSurplus means that an answer is not what its version's schema says.
var errSurplus = errors.New("the answer is not encoded as its version says")

func (c *client) read(req kmsg.Request) (kmsg.Response, error) {
	frame, err := readFrame(c.conn)
	if err != nil {
		c.close()
		return nil, err
	}
	if got := int32(binary.BigEndian.Uint32(frame)); got != c.last {
		c.fail("answer to request %d where one to %d is due", got, c.last)
	}
	body := frame[4:]
	if req.IsFlexible() && req.Key() != int16(kmsg.ApiVersions) {
		body = body[1:] // No tagged fields in the header are known.
	}
	resp := req.ResponseKind()
	// A version that is not known is answered in version 0.
	if v := c.node.versions[req.Key()]; req.Key() == int16(kmsg.ApiVersions) && req.GetVersion() > v.MaxVersion && c.node.versions != nil {
		resp.SetVersion(0)
	}
	if err := resp.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("%w: %w", errSurplus, err)
	}
	if again := resp.AppendTo(nil); !bytes.Equal(again, body) {
		return resp, fmt.Errorf("%w: % x, should be % x", errSurplus, body, again)
	}
	return resp, nil
}

func readFrame(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(r, frame)
	return frame, err
}

// The kinds of endpoints that DescribeCluster tells of; a listener knows its own.
const (
	endpointBrokers     = 1
	endpointControllers = 2
)

// meet connects to a listener for the first time: it learns its versions and ids.
func meet(ctx context.Context, name, addr string, controller bool) (n *node, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	n = &node{name: name, addr: net.JoinHostPort(host, port), port: int32(number), controller: controller}
	c := &client{ctx: ctx, node: n, clientID: "compat", script: newScript()}
	defer c.close()
	defer func() {
		if f, ok := recover().(failure); ok {
			err = f
		}
	}()
	versions := kmsg.NewPtrApiVersionsRequest()
	versions.SetVersion(0)
	n.versions = map[int16]kmsg.ApiVersionsResponseApiKey{}
	for _, key := range c.quiet(versions).(*kmsg.ApiVersionsResponse).ApiKeys {
		n.versions[key.ApiKey] = key
	}
	cluster := kmsg.NewPtrDescribeClusterRequest()
	cluster.SetVersion(1)
	cluster.EndpointType = endpointBrokers
	if controller {
		cluster.EndpointType = endpointControllers
	}
	n.clusterID = c.quiet(cluster).(*kmsg.DescribeClusterResponse).ClusterID
	return n, nil
}
