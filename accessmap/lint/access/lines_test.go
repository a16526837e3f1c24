package access

import (
	"fmt"
	"testing"
)

// Every text has the same sum in this index, which must tell them apart by their lines.
func TestIndexWithEqualSums(t *testing.T) {
	texts := []string{"", "a", "b", "a", "c", "b", "a"}
	x := newIndex(0, func(number int, text string) bool { return texts[number] == text })
	x.sum = func(string) uint64 { return ^uint64(0) }
	var got []int
	for number := 1; number < len(texts); number++ {
		got = append(got, x.add(texts[number], number))
	}
	x.put("a", 6)
	for _, text := range []string{"a", "b", "c", "d"} {
		number, _ := x.find(text)
		got = append(got, number)
	}
	if want := "[0 0 1 0 2 1 6 2 4 0]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// A line that a check marks stays as it is, and any other is read again.
func TestLinesKeepWhatIsMarked(t *testing.T) {
	l := newLines("Connect:192.0.2.7\tOK\nConnect:192.0.2.8\tOK\r\n192.0.2.9 OK", 0, 0)
	for line := range l.each {
		if line.key.Tag == "connect" {
			line.disputed = 3
		}
		line.separator = "unmarked"
	}
	if first, second, third := l.at(1), l.at(2), l.at(3); len(l.kept) != 2 || first.disputed != 3 || second.separator != "unmarked" ||
		second.crs != 1 || third.separator != " " || l.keep(third) != l.at(3) || l.keep(l.at(3)) != l.at(3) {
		t.Errorf("%d lines are kept: %+v, %+v, %+v", len(l.kept), first, second, third)
	}
}
