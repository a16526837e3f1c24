package maillog

import (
	"strconv"
	"strings"
	"time"

	"mailallow/accessmap/maillog/token"
)

// layouts are those of time stamps, by their number of words. The seconds of each may have a fraction. Options.Now gives the
// year and the offset that a stamp does not have.
var layouts = [...][]string{
	// RFC 3339; journalctl -o short-iso, whose offset has no colon; no offset
	1: {"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"},
	2: {"2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00"},
	// syslog and journalctl; journalctl -o short-full
	3: {"Jan 2 15:04:05", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700"},
	4: {"Jan 2 2006 15:04:05", "2006 Jan 2 15:04:05", "Jan 2 15:04:05 2006"},
}

// maxStampWords bounds the words of a head that are tried: a container's stamp, the log's own stamp and a host.
const maxStampWords = 12

// stampIn gives the time in the head of a line. It is zero if there is none, or one that a host without a clock wrote: of 1970 or
// before. The year 9999 is in some zones no year that JSON can have.
func stampIn(head string, now time.Time) time.Time {
	at := firstStamp(head, now)
	if year := at.Year(); year <= 1970 || year >= 9999 {
		return time.Time{}
	}
	return at
}

// firstStamp finds the first time stamp in the head of a line. It is zero if there is none.
func firstStamp(head string, now time.Time) time.Time {
	if i := strings.IndexByte(head, '>'); strings.HasPrefix(head, "<") && i > 0 { // the priority, and the version of RFC 5424
		head = strings.TrimPrefix(head[i+1:], "1 ")
	}
	const syslog, date = len("Jan  2 15:04:05"), len("2006-01-02")
	if i := strings.LastIndex(head, " 20"); i > 0 { // that of a line within comes after that of its container
		if word, _, _ := strings.Cut(head[i+1:], " "); len(word) > date && word[date] == 'T' {
			if at, ok := stamp(word, 1, now); ok {
				return at
			}
		}
	}
	switch { // nearly all logs
	case len(head) > syslog && head[syslog] == ' ':
		if at, ok := stamp(head[:syslog], 3, now); ok {
			return at
		}
	case len(head) > date && head[date] == 'T':
		word, _, _ := strings.Cut(head, " ")
		if at, ok := stamp(word, 1, now); ok {
			return at
		}
	}
	words := strings.Fields(head)
	words = words[:min(len(words), maxStampWords)]
	if len(words) > 0 {
		words[0] = withoutPrefix(words[0])
	}
	for i := range words {
		for n := min(len(layouts)-1, len(words)-i); n > 0; n-- {
			if at, ok := stamp(strings.Join(words[i:i+n], " "), n, now); ok {
				return at
			}
		}
	}
	return time.Time{}
}

// withoutPrefix removes text right before the first word of a stamp: a file name and a line number of grep
// ("mail.log.1:Apr"), or the JSON of a container ({"log":"2026-).
func withoutPrefix(word string) string {
	const month, date = len("Jan"), len("2006-01-02T")
	if i := strings.LastIndexByte(word, ':'); i >= 0 && len(word)-i-1 == month && word[i+1] >= 'A' {
		return word[i+1:]
	}
	for i := 0; i+date <= len(word); i++ {
		if day := word[i : i+date]; day[4] == '-' && day[7] == '-' && day[10] == 'T' && token.IsDigits(day[:4]) {
			return strings.TrimRight(word[i:], "]")
		}
	}
	return word
}

func stamp(text string, words int, now time.Time) (time.Time, bool) {
	if words == 1 {
		if at, ok := sinceEpoch(text, now); ok {
			return at, true
		}
	}
	for _, layout := range layouts[words] {
		at, err := time.ParseInLocation(layout, text, now.Location())
		if err != nil {
			continue
		}
		if !strings.Contains(layout, "2006") {
			return withYear(at, now), true
		}
		if strings.HasSuffix(layout, "MST") && !strings.HasSuffix(text, " UTC") && !strings.HasSuffix(text, " GMT") {
			// Any other abbreviation is ambiguous, and the log's own zone is the best guess.
			at = time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), now.Location())
		}
		return at, true
	}
	return time.Time{}, false
}

// withYear gives a stamp without a year the latest year in which it is not too far ahead, so that a log from December to January
// spans two years. For the 29th of February this is a leap year.
func withYear(at time.Time, now time.Time) time.Time {
	const (
		ahead = 24 * time.Hour // the log may be of a host with another clock, or in another time zone
		leaps = 8              // years between two leap years at most, around the year 2100
	)
	latest := now.Add(ahead)
	for year := latest.Year(); year >= latest.Year()-leaps-1; year-- {
		t := time.Date(year, at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), now.Location())
		if t.Day() == at.Day() && !t.After(latest) {
			return t
		}
	}
	return time.Time{}
}

// sinceEpoch reads a stamp of journalctl -o short-unix. It has ten digits until the year 2286.
func sinceEpoch(text string, now time.Time) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if len(whole) != 10 || !token.IsDigits(whole) || fraction != "" && !token.IsDigits(fraction) {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	nanoseconds, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	return time.Unix(seconds, nanoseconds).In(now.Location()), true
}

// hasYear reports whether a head has a time stamp with a year.
func hasYear(head string) bool {
	const year = len("2006")
	for word := range strings.FieldsSeq(head) {
		if len(word) >= year && token.IsDigits(word[:year]) && (len(word) == year || word[year] == '-') {
			return true
		}
	}
	return false
}
