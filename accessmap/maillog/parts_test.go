package maillog

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// TestParts reads records that container runtimes divided.
func TestParts(t *testing.T) {
	const one, two, three = "Apr 30 10:31:02 mail postfix/smtpd[1]: NOQUEUE: rej", "ect: RCPT from x[192.0.2.7]: 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using bl.ex", "ample; from=<a>"
	const other = "Apr 30 10:31:02 mail postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.8]: 554 5.7.1 Relay access denied; from=<a>"
	const want, denied = "postfix dnsbl_reject 192.0.2.7 bl.example", "postfix reject 192.0.2.8"
	line := func(tags, text string) string {
		return "2026-04-30T10:31:02.123456789+02:00 " + tags + " " + text + "\n"
	}
	for _, test := range []struct{ name, log, want string }{
		{"whole", line("stdout F", one+two+three), want},
		{"two parts", line("stdout P", one+two) + line("stdout F", three), want},
		{"three parts", line("stdout P", one) + line("stdout P", two) + line("stdout F", three), want},
		{"within the stamp", line("stdout P", one[:9]) + line("stdout F", one[9:]+two+three), want},
		{"its end alone", line("stdout P", one+two+three) + line("stdout F", ""), want},
		{"its end alone, without the blank", line("stdout P", one+two+three) + strings.TrimSuffix(line("stdout F", ""), " \n") + "\n", want},
		{"more tags", line("stdout P:a:b", one) + line("stdout F:c", two+three), want},
		{"UTC", strings.ReplaceAll(line("stderr P", one)+line("stderr F", two+three), "+02:00", "Z"), want},
		{"the other stream between", line("stdout P", one) + line("stderr F", other) + line("stdout F", two+three), denied + "; " + want},
		{"both streams", line("stdout P", one) + line("stderr P", other[:70]) + line("stdout F", two+three) + line("stderr F", other[70:]), want + "; " + denied},
		{"the next record", line("stdout P", one+two) + line("stdout F", three) + line("stdout F", other), want + "; " + denied},
		{"without its end", line("stdout P", one+two) + line("stderr F", other), denied},
		{"the end alone", line("stdout F", three) + line("stdout F", other), denied},
		{"past the bound", line("stdout P", one+two+three) + strings.Repeat(line("stdout P", strings.Repeat("x", maxLine/2)), 5) + line("stdout F", "x") + line("stdout F", other), want + "; " + denied},
		{"a host of that name", "2026-04-30T10:31:02Z stdout Postfix: x\n" + "2026-04-30T10:31:02Z stdout postfix/smtpd[1]: " + other[len("Apr 30 10:31:02 mail postfix/smtpd[1]: "):] + "\n", denied},
	} {
		events := readAll(t, test.log)
		if got := row(events); got != test.want {
			t.Errorf("%s: %s, want %s\n%s", test.name, got, test.want, test.log)
		}
	}
}

// TestDividedLog divides the records of a log at random, with those of both streams among each other, and expects the events of
// the whole records, wherever a block ends.
func TestDividedLog(t *testing.T) {
	text, err := os.ReadFile(fixtures.Path("logs", "postfix-grok-patterns.log"))
	if err != nil {
		t.Fatal(err)
	}
	random := fixtures.Random(t)
	var whole, divided strings.Builder
	lines, ends := 0, []int{0} // the line in which each record ends
	streams := []string{"stdout", "stderr"}
	records, left := [2]string{}, [2]string{}
	rest := strings.Split(strings.Repeat(string(text), 20), "\n")
	for len(rest) > 0 {
		i := random.IntN(len(streams))
		if left[i] == "" {
			records[i], left[i], rest = rest[0], rest[0], rest[1:]
		}
		n, tag := len(left[i]), "F"
		if n > 0 && random.IntN(3) == 0 {
			n, tag = random.IntN(n), "P"
		}
		lines++
		fmt.Fprintf(&divided, "2026-04-30T10:31:02Z %s %s %s\n", streams[i], tag, left[i][:n])
		if left[i] = left[i][n:]; tag == "F" {
			fmt.Fprintf(&whole, "2026-04-30T10:31:02Z %s F %s\n", streams[i], records[i])
			ends = append(ends, lines)
		}
	}
	var want []Event
	for _, e := range readAll(t, whole.String()) {
		e.Line = ends[e.Line]
		want = append(want, e)
	}
	for _, most := range []int{100, 1000, 1 << 20} {
		var got []Event
		_, err := Read(&pieces{[]byte(divided.String()), most, random}, "log", Options{Now: now}, func(e Event) error { got = append(got, e); return nil })
		if err != nil || len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("in pieces of up to %d bytes: %d events, %v; want %d", most, len(got), err, len(want))
		}
	}
}
