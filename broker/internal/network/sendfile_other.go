//go:build !linux

package network

import "os"

const canSendfile = false

// sendFile and sendMore are not used where there is no sendfile: ranges go through the
// staging buffer. Nobody leads there who would have to stand aside.

func sendFile(*Conn, *Part) error { return errNoSendfile }

func readCached(*os.File, []byte, int64) int { return 0 }

func sendMore(c *Conn, b []byte) (int, error) { return c.conn.Write(b) }
