package maillog

import (
	"strconv"
	"strings"
	"time"
)

// layouts gives the layouts of time stamps with a number of words. The seconds of each may have a fraction. Options give the
// year and the offset that a stamp does not have.
func layouts(words int) []string {
	switch words {
	case 1: // RFC 3339; journalctl -o short-iso, whose offset has no colon; no offset
		return []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"}
	case 2:
		return []string{"2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00"}
	case 3: // syslog and journalctl; journalctl -o short-full
		return []string{"Jan 2 15:04:05", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700"}
	case 4:
		return []string{"Jan 2 2006 15:04:05", "2006 Jan 2 15:04:05", "Jan 2 15:04:05 2006"}
	}
	return nil
}

// maxStampWords bounds the words of a head that are tried: a container's stamp, the log's own stamp and a host.
const maxStampWords = 12

// stampIn finds the first time stamp in the head of a line.
func stampIn(head string, o Options) (time.Time, bool) {
	if i := strings.IndexByte(head, '>'); strings.HasPrefix(head, "<") && i > 0 { // the priority, and the version of RFC 5424
		head = strings.TrimPrefix(head[i+1:], "1 ")
	}
	const syslog = len("Jan  2 15:04:05")
	if len(head) > syslog && head[syslog] == ' ' { // nearly all logs
		if at, ok := syslogStamp(head[:syslog], o); ok {
			return at, true
		}
	}
	words := strings.Fields(head)
	words = words[:min(len(words), maxStampWords)]
	if len(words) > 0 {
		words[0] = withoutPrefix(words[0])
	}
	for i := range words {
		for n := min(4, len(words)-i); n > 0; n-- {
			if at, ok := stamp(strings.Join(words[i:i+n], " "), n, o); ok {
				return at, true
			}
		}
	}
	return time.Time{}, false
}

// withoutPrefix removes text right before the first word of a stamp: a file name and a line number of grep
// ("mail.log.1:Apr"), or the JSON of a container ({"log":"2026-).
func withoutPrefix(word string) string {
	const month, date = len("Jan"), len("2006-01-02T")
	if i := strings.LastIndexByte(word, ':'); i >= 0 && len(word)-i-1 == month && word[i+1] >= 'A' {
		return word[i+1:]
	}
	for i := 0; i+date <= len(word); i++ {
		if day := word[i : i+date]; day[4] == '-' && day[7] == '-' && day[10] == 'T' && isDigits([]byte(day[:4])) {
			return strings.TrimRight(word[i:], "]")
		}
	}
	return word
}

// syslogStamp reads "Jan  2 15:04:05", whose fields have fixed places, ten times as fast as package time does.
func syslogStamp(text string, o Options) (time.Time, bool) {
	const months = "JanFebMarAprMayJunJulAugSepOctNovDec"
	month := strings.Index(months, text[:3])
	number := func(at int) int { // of two digits; -1: no number
		tens, ones := text[at]-'0', text[at+1]-'0'
		if text[at] == ' ' {
			tens = 0
		}
		if tens > 9 || ones > 9 {
			return -1
		}
		return int(tens)*10 + int(ones)
	}
	day, hour, minute, second := number(4), number(7), number(10), number(13)
	if month < 0 || month%3 != 0 || text[3] != ' ' || text[6] != ' ' || text[9] != ':' || text[12] != ':' ||
		day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return time.Time{}, false
	}
	at := time.Date(0, time.Month(month/3+1), day, hour, minute, second, 0, time.UTC)
	if at.Day() != day { // such as the 31st of February
		return time.Time{}, false
	}
	return withYear(at, o), true
}

func stamp(text string, words int, o Options) (time.Time, bool) {
	if words == 1 {
		if at, ok := sinceEpoch(text, o); ok {
			return at, true
		}
	}
	for _, layout := range layouts(words) {
		at, err := time.ParseInLocation(layout, text, o.Location)
		if err != nil {
			continue
		}
		if !strings.Contains(layout, "2006") {
			return withYear(at, o), true
		}
		if strings.HasSuffix(layout, "MST") && !strings.HasSuffix(text, " UTC") && !strings.HasSuffix(text, " GMT") {
			// Any other abbreviation is ambiguous, and the log's own zone is the best guess.
			at = time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), o.Location)
		}
		return at, true
	}
	return time.Time{}, false
}

// withYear gives a stamp without a year the latest year in which it is not after Now, so that a log from December to January
// spans two years. For the 29th of February this is a leap year.
func withYear(at time.Time, o Options) time.Time {
	const leaps = 8 // years between two leap years at most, around the year 2100
	for year := o.Now.In(o.Location).Year(); year >= o.Now.Year()-leaps-1; year-- {
		t := time.Date(year, at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), o.Location)
		if t.Day() == at.Day() && !t.After(o.Now) {
			return t
		}
	}
	return time.Time{}
}

// sinceEpoch reads a stamp of journalctl -o short-unix. It has ten digits until the year 2286.
func sinceEpoch(text string, o Options) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if len(whole) != 10 || !isDigits([]byte(whole)) || fraction != "" && !isDigits([]byte(fraction)) {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	nanoseconds, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	return time.Unix(seconds, nanoseconds).In(o.Location), true
}
