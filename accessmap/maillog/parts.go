package maillog

import "bytes"

// parts are what a log has of records that go on in a later line, one of stdout and one of stderr, at most maxLine bytes of each.
//
// The logs of Kubernetes and podman's k8s-file have a tag in each line: P for a part of a record, F for its end. conmon, for CRI-O
// and podman, ends a part where one of its reads ends, after 8 KiB, which is within a line of a container that writes many at once:
//
//	2026-04-30T10:31:02.1Z stdout P Apr 30 10:31:02 mail postfix/smtpd[1]: NOQUEUE: rej
//	2026-04-30T10:31:02.1Z stdout F ect: RCPT from ...
type parts [2][]byte

func (p *parts) any() bool { return len(p[0])+len(p[1]) > 0 }

// join gives the record that a line ends, with the time of its first part; not whole: it goes on. The next call may overwrite it.
func (p *parts) join(line []byte) (record []byte, whole bool) {
	const date, stamp = len("2006-01-02"), len("2006-01-02T15:04:05.123456789+00:00 ")
	if len(line) <= date || line[date] != 'T' {
		return line, true
	}
	end := max(bytes.IndexByte(line[:min(len(line), stamp)], ' '), 0)
	for i, stream := range [...]string{" stdout ", " stderr "} {
		tags, ok := bytes.CutPrefix(line[end:], []byte(stream))
		if !ok || len(tags) == 0 || tags[0] == 'F' && len(p[i]) == 0 || tags[0] != 'F' && tags[0] != 'P' {
			continue
		}
		text := line
		if len(p[i]) > 0 {
			_, text, _ = bytes.Cut(tags, []byte(" "))
		}
		record = append(p[i], text[:min(len(text), maxLine-len(p[i]))]...)
		if tags[0] == 'P' {
			p[i] = record
			return nil, false
		}
		p[i] = record[:0]
		return record, true
	}
	return line, true
}
