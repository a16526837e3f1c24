// Package container takes what a mail server wrote out of the lines that other programs make of it: journalctl -o json, Docker
// and Kubernetes, rsyslog and other shippers of logs as JSON, logfmt, and the queue that postqueue -j lists. It does not read
// the messages.
package container

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Line is what was in a line.
type Line struct {
	// Message is what the program wrote, perhaps with a header of its own.
	Message []byte
	// Program is the program's name, without its pid; empty: the line does not have it.
	Program string
	Time    time.Time // zero: the line has none
	Stamp   string    // a time in words, if Time is zero
	// Reasons are those of mail that waits in the queue, for each recipient, in place of Message.
	Reasons [][]byte
}

// Find reports whether a line is one that Open opens, and where it begins, behind the blanks and words of other containers.
func Find(line []byte) (at int, ok bool) {
	const maxBefore = 200 // bytes of "mail-1  | 2026-09-12T10:11:12.123456789Z stdout F "
	if i := bytes.IndexByte(line[:min(len(line), maxBefore)], '{'); i >= 0 && i+1 < len(line) && (line[i+1] == '"' || line[i+1] == ' ') {
		return i, true
	}
	for _, key := range messageKeys {
		if i := bytes.Index(line, []byte(key+`="`)); i == 0 || i > 0 && line[i-1] == ' ' {
			return 0, true
		}
	}
	return 0, false
}

// The keys, the best first, without the @ and _ before them, and in lower case.
var (
	messageKeys = []string{"message", "msg", "log", "event.original", "syslog_message", "short_message", "textpayload", "raw", "line"}
	programKeys = []string{"syslog_identifier", "syslog_program", "program", "programname", "ident", "appname", "app_name", "app-name", "application_name", "process.name", "syslogtag", "tag"}
	timeKeys    = []string{"source_realtime_timestamp", "realtime_timestamp", "timestamp", "time", "ts", "timereported", "isodate", "datetime", "date"}
)

const queueKey, reasonKey = "queue_id", "delay_reason"

// Open opens a line that Find has found, from its beginning on.
func Open(line []byte) Line {
	f := finder{message: 2 * len(messageKeys), program: 2 * len(programKeys), time: 2 * len(timeKeys)}
	if len(line) > 0 && line[0] == '{' {
		members(line, f.add)
	} else {
		pairs(line, f.add)
	}
	if !f.queue {
		f.Reasons = nil
	}
	return f.Line
}

// finder keeps the members with the best keys.
type finder struct {
	Line
	message, program, time int // ranks of the keys
	queue                  bool
}

// add looks at a member. key has the keys of the objects around it, with dots.
func (f *finder) add(key string, value []byte) {
	key = strings.ToLower(key)
	whole := strings.TrimLeft(key, "@_")
	last := strings.TrimLeft(whole[strings.LastIndexByte(whole, '.')+1:], "@_")
	better := func(keys []string, rank *int) bool {
		i := slices.Index(keys, whole)
		if i < 0 {
			if i = slices.Index(keys, last); i >= 0 {
				i += len(keys) // in an object within
			}
		}
		if i < 0 || i >= *rank {
			return false
		}
		*rank = i
		return true
	}
	switch {
	case last == queueKey:
		f.queue = true
	case last == reasonKey:
		f.Reasons = append(f.Reasons, value)
	case better(messageKeys, &f.message):
		f.Message = bytes.TrimRight(value, "\r\n")
	case better(programKeys, &f.program):
		name, _, _ := strings.Cut(string(value), "[")
		f.Program = strings.TrimRight(name, ": ")
	case better(timeKeys, &f.time):
		f.Line.Time, f.Stamp = instant(string(value))
	}
}

// instant reads a time: RFC 3339, or a number of seconds, milliseconds, microseconds or nanoseconds since 1970. Another one it
// returns as it is.
func instant(text string) (time.Time, string) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, ""
	}
	whole, fraction, _ := strings.Cut(text, ".")
	number, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, text
	}
	const seconds = 10 // digits, until the year 2286
	switch len(whole) {
	case seconds:
		nanoseconds, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
		return time.Unix(number, nanoseconds), ""
	case seconds + 3:
		return time.UnixMilli(number), ""
	case seconds + 6:
		return time.UnixMicro(number), ""
	case seconds + 9:
		return time.Unix(0, number), ""
	}
	return time.Time{}, text
}
